"""Fakes of the services that the workflow calls: Lambda, S3 and EventBridge. Tests can make each of them fail.

moto interprets the real definition and sends its calls here. So these tests do not need built functions, and they take only
seconds.
"""

import contextlib
import http.server
import json
import threading
import urllib.request
import uuid

import boto3
import moto.stepfunctions.parser.asl.component.common.retry.retrier_decl as retrier
from botocore.config import Config
from cloud import REGION, ROOT, STAGES, free_port, wait_for
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker import (
    DistributedItemProcessorWorker)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

BUCKET = "bank"
RUN = "run-4c1f09a2b7d83e56"


class Throttled(Exception):
    """Lambda refuses a call because too many functions are running."""


class StageError(Exception):
    """An error that a function returns, with the error's name."""


class Bank:
    """Fakes of the stages' functions. A test replaces `fail` to make a stage fail.

    `limit` is the account's concurrency. Calls that exceed it are refused, as Lambda does. A call counts toward the limit
    until `hold` returns."""

    def __init__(self, customers, limit=1000):
        self.customers = [f"{number:032x}" for number in range(customers)]
        self.limit, self.running, self.peak, self.refused = limit, 0, 0, 0
        self.calls, self.records, self.events, self.lock = [], {}, [], threading.Lock()
        self.fail = lambda stage, payload: None
        self.hold = lambda stage: None
        self.held = set()

    def count(self, stage):
        return sum(name == stage for name, _ in self.calls)

    def invoke(self, stage, payload):
        with self.lock:
            if self.running >= self.limit:
                self.refused += 1
                raise Throttled
            self.running += 1
            self.peak = max(self.peak, self.running)
            self.calls.append((stage, payload))
        try:
            self.hold(stage)
            error = None if payload.get("failure") else self.fail(stage, payload)
            if error:
                raise StageError(error)
            return getattr(self, stage)(payload)
        finally:
            with self.lock:
                self.running -= 1

    def merge(self, payload):
        share = len(self.customers) * payload["tolerated_failure_percentage"] // 100
        return {"dataset": "0" * 64, "customers": len(self.customers), "tolerated_failures": max(4, share)}

    def assess(self, payload):
        if payload["dry_run"]:
            return {"next": "end"}
        with self.lock:
            admitted = payload["limit"] is None or self.count("recommend") < payload["limit"]
        return {"next": "recommend" if admitted else "end"}

    def recommend(self, payload):
        return {}

    narrate = render = recommend

    def publish(self, payload):
        failed = "failure" in payload
        outcome = "failed" if failed else "in-review" if payload["reference"] in self.held else "published"
        self.records[payload["reference"]] = outcome
        return {"outcome": outcome}

    def finalize(self, payload):
        outcomes = [self.records.get(reference, "not-started") for reference in self.customers]
        counts = {word: outcomes.count(word) for word in set(outcomes)}
        return {"run": payload["run"], "customers": len(outcomes), "counts": counts}

    def retract(self, payload):
        return {"customers": 1}

    def index(self):
        rows = [f"{reference},0,1,{'0' * 64}" for reference in self.customers]
        return "\n".join(["reference,offset,length,digest", *rows]) + "\n"


class Endpoint(http.server.BaseHTTPRequestHandler):
    """The parts of the three services' wire formats that the workflow uses."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        data = body.encode()
        headers = {"content_length": str(len(data)), "content_type": "application/json", "x_amzn_requestid": "1"} | headers
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        bank = self.server.bank
        if self.path.startswith("/2016-08-19/account-settings"):
            limit = {"ConcurrentExecutions": bank.limit, "UnreservedConcurrentExecutions": bank.limit}
            return self.answer(200, json.dumps({"AccountLimit": limit, "AccountUsage": {}}))
        assert self.path.split("?")[0].endswith("index.csv"), self.path
        return self.answer(200, bank.index(), content_type="text/csv")

    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200, "", etag='"0"')

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("x-amz-target") == "AWSEvents.PutEvents":
            self.server.bank.events += json.loads(body)["Entries"]
            return self.answer(200, json.dumps({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}))
        stage = self.path.split("/functions/")[1].split("/")[0].rsplit("%3A", 1)[-1].rsplit(":", 1)[-1]
        try:
            return self.answer(200, json.dumps(self.server.bank.invoke(stage, json.loads(body))))
        except Throttled:
            refusal = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
            return self.answer(429, json.dumps(refusal), x_amzn_errortype="TooManyRequestsException")
        except StageError as error:
            body = json.dumps({"errorType": str(error), "errorMessage": "a fault that the test injected"})
            return self.answer(200, body, x_amz_function_error="Unhandled")


def stop_beyond_tolerated_failures(monkeypatch):
    """Adds a rule that moto lacks: once more children have failed than `ToleratedFailureCountPath` allows, the map fails and
    starts no more children.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold"""
    map_run, eval_job = DistributedIterationComponent._map_run, DistributedItemProcessorWorker._eval_job

    def remember(self, env, eval_input):
        eval_input.map_run_record.tolerated = eval_input.tolerated_failure_count
        map_run(self, env, eval_input)

    def count(self, env, job):
        eval_job(self, env, job)
        record = self._map_run_record
        if record.item_counter.failed.get() > record.tolerated:
            name = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
            details = TaskFailedEventDetails(error=name.error_name, cause="too many failed")
            job.job_output = FailureEventException(FailureEvent(
                env=env, error_name=name, event_type=HistoryEventType.MapRunFailed,
                event_details=EventDetails(taskFailedEventDetails=details)))
    monkeypatch.setattr(DistributedIterationComponent, "_map_run", remember)
    monkeypatch.setattr(DistributedItemProcessorWorker, "_eval_job", count)


def with_batches_of_one(definition):
    """Returns the definition with each item wrapped as a batch, because moto does not support `ItemBatcher`."""
    machine = json.loads(definition)
    for state in machine["States"].values():
        batcher = state.pop("ItemBatcher", None)
        if batcher:
            state["ItemSelector"] = {"BatchInput": batcher["BatchInput"], "Items.$": "States.Array($$.Map.Item.Value)"}
    return json.dumps(machine)


class Interpreter:
    """moto's interpreter of the definition, which sends its calls to a `Bank`. It retries without waiting."""

    def __init__(self, monkeypatch):
        self.fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=self.fake.serve_forever, daemon=True).start()
        monkeypatch.setenv("MOTO_PORT", str(self.fake.server_port))
        monkeypatch.setattr(retrier, "time", type("NoWait", (), {"sleep": staticmethod(lambda _: None)}))
        stop_beyond_tolerated_failures(monkeypatch)
        port = free_port()
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self.server.start()
        address = f"http://127.0.0.1:{port}"
        switch = urllib.request.Request(f"{address}/moto-api/config", method="POST",
                                        data=b'{"stepfunctions": {"execute_state_machine": true}}',
                                        headers={"content-type": "application/json"})
        urllib.request.urlopen(switch).read()
        self.client = boto3.client("stepfunctions", endpoint_url=address, region_name=REGION,
                                   aws_access_key_id="test", aws_secret_access_key="test",
                                   config=Config(retries={"total_max_attempts": 1}))

    def stop(self):
        self.server.stop()
        self.fake.shutdown()

    def run(self, bank, definition="workflow", whole=None, **given):
        """Runs the definition against a bank. `whole` replaces the usual input. Returns the execution after it has ended."""
        self.fake.bank = bank
        text = with_batches_of_one((ROOT / f"infra/{definition}.asl.json").read_text()).replace("${Bucket}", BUCKET)
        for stage in [*STAGES, "retract"]:
            arn = f"arn:aws:lambda:{REGION}:123456789012:function:{stage}"
            text = text.replace(f"${{{stage.title()}FunctionArn}}", arn)
        role = "arn:aws:iam::123456789012:role/any"
        machine = self.client.create_state_machine(name=f"m{uuid.uuid4().hex}", definition=text, roleArn=role)["stateMachineArn"]
        given = {"run": RUN, "batch": "monday", "concurrency": 20, "tolerated_failure_percentage": 5,
                 "video": True, "limit": None, "dry_run": False} | given
        started = self.client.start_execution(stateMachineArn=machine, input=json.dumps(whole or given))

        def ended():
            described = self.client.describe_execution(executionArn=started["executionArn"])
            return described["status"] != "RUNNING" and described
        return wait_for("the end of the execution", ended, 120)


@contextlib.contextmanager
def interpreter(monkeypatch):
    """Yields an interpreter and stops it afterward."""
    started = Interpreter(monkeypatch)
    try:
        yield started
    finally:
        started.stop()
