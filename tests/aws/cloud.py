"""Bespoke on an emulator of AWS: deployed by `sam deploy`, called with AWS's own SDK for Python.

The emulator is nobody's of ours. It checks signatures and the roles of the functions, runs the functions' real binaries as
processes behind the Lambda Runtime API, and interprets the workflow's definition. What it lacks is made up for here, each
with its reason: layers are not mounted, so the functions are told where the programs lie on this machine.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "target/tools"
# The command, as the other tests built it.
PROGRAM = ROOT / "target/ci/bespoke-under-test"
STAGES = ["merge", "assess", "recommend", "narrate", "render", "publish", "finalize"]
FUNCTIONS = [*STAGES, "start", "api", "notify", "export", "retract"]
WORKBOOKS = ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx"]
PASSWORD = "meridian-demo"
REGION = "eu-central-1"
STACK = "bespoke-test"
# Small and quick videos: what is proved here is not the picture. The emulator has no Polly.
SETTINGS = '[video]\nresolution = 180\npreset = "ultrafast"\ncrf = 34\n[voice]\nengine = "espeak"\n'


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, ready, seconds=120.0):
    """Asks `ready` until it gives something, and gives that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s")


def environment(port, **more):
    """The environment of a program that talks to the emulator and never to AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    address = f"http://127.0.0.1:{port}"
    return kept | {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": address, "SAM_CLI_TELEMETRY": "0",
    } | more


class Program:
    """A server that runs as long as the tests need it; its output lies in a file."""

    def __init__(self, name, command, folder, env):
        self.log = folder / f"{name}.log"
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=self.log.open("w"), stderr=subprocess.STDOUT)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def answers(address):
    try:
        urllib.request.urlopen(address, timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Cloud:
    """An emulator with the stack deployed on it."""

    def __init__(self, folder, functions, auth=True):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.functions, self.auth, self.port = folder, functions, auth, free_port()
        env = environment(self.port, BIND_HOST="127.0.0.1", GATEWAY_PORT=str(self.port), AUTH=str(auth).lower(),
                          TMPDIR=str(folder), LAMBDA_ASYNC_RETRY_BASE_SECONDS="1")
        self.emulator = Program("emulator", [TOOLS / "emulator/bin/ministack"], folder, env)
        wait_for("the emulator", lambda: answers(f"http://127.0.0.1:{self.port}/_ministack/health"), 60)

    def client(self, service):
        # Every error is the test's to see, so nothing is tried again behind its back.
        config = Config(retries={"total_max_attempts": 1}, read_timeout=1000, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION, config=config,
                            aws_access_key_id="test", aws_secret_access_key="test")

    def deploy(self, **parameters):
        """Deploys with `sam deploy`, as the guide says."""
        build = self.folder / "build"
        (build / "infra").mkdir(parents=True)
        shutil.copy(ROOT / "infra/workflow.asl.json", build / "infra")
        template = (ROOT / "infra/template.yaml").read_text()
        told = {
            "FFMPEG_PATH": shutil.which("ffmpeg"), "FFPROBE_PATH": shutil.which("ffprobe"),
            "ESPEAK_PATH": shutil.which("espeak-ng"), "ASSETS_DIR": str(ROOT / "assets"),
        }
        anchor = "        AWS_LAMBDA_LOG_LEVEL: info\n"
        assert anchor in template, "the template's global variables"
        lines = "".join(f"        {name}: {value}\n" for name, value in told.items())
        (build / "infra/template.yaml").write_text(template.replace(anchor, anchor + lines))
        for layer in ["media", "assets"]:
            (build / "target/layers" / layer).mkdir(parents=True)
            (build / "target/layers" / layer / "README").write_text("The emulator mounts no layers.\n")
        shutil.copytree(self.functions, build / "target/lambda")
        parameters = {"Architecture": "x86_64", "Concurrency": "2"} | parameters
        command = [TOOLS / "sam/bin/sam", "deploy", "--template-file", "infra/template.yaml", "--stack-name", STACK,
                   "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset",
                   "--no-progressbar", "--parameter-overrides", *[f"{name}={value}" for name, value in parameters.items()]]
        done = subprocess.run(command, cwd=build, env=environment(self.port), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        described = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        self.bucket, self.workflow = self.outputs["Bucket"], self.outputs["Workflow"]
        resources = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        self.resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
        if self.auth:
            # The emulator speaks no TLS, and the bucket's policy holds here too: seen to hold, it is removed.
            failed, answer = self.invoke("start", {"look_for": "incomplete-batches"})
            assert failed and "explicit deny in a resource-based policy" in answer["errorMessage"], answer
        self.client("s3").delete_bucket_policy(Bucket=self.bucket)

    def configure(self, settings=SETTINGS):
        """Puts in what the guide says to put in: settings, catalogue, lexicon, the workbooks' password."""
        s3 = self.client("s3")
        s3.put_object(Bucket=self.bucket, Key="config/bespoke.toml", Body=settings.encode())
        for name in ["catalogue.json", "lexicon.toml"]:
            s3.put_object(Bucket=self.bucket, Key=f"config/{name}", Body=(ROOT / "data" / name).read_bytes())
        self.set_password(PASSWORD)

    def set_password(self, password):
        self.client("secretsmanager").put_secret_value(SecretId=self.outputs["WorkbookPassword"], SecretString=password)

    def set_variables(self, function, **variables):
        """Changes a function's environment, which also ends its warm processes. Gives what it was."""
        client, name = self.client("lambda"), self.resources[f"{function.title()}Function"]
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
        return before

    def restart(self, function):
        """Ends a function's warm processes, which hold the secrets that they have read."""
        self.set_variables(function, STARTED_AGAIN=str(time.monotonic_ns()))

    def requested(self, batch, data):
        """Uploads; `start` writes the request, and from now on finds no workflow to start. Gives the run."""
        self.set_variables("start", STATE_MACHINE=self.workflow.rsplit(":", 1)[0] + ":elsewhere")
        self.upload(batch, data)
        request = wait_for("the request", lambda: [key for key in self.keys("runs/") if key.endswith("request.json")])[0]
        assert not self.executions()
        return request.split("/")[1]

    def secret(self, name):
        client = self.client("secretsmanager")
        return client.get_secret_value(SecretId=self.resources[name])["SecretString"]

    def upload(self, batch, data, names=WORKBOOKS):
        for name in names:
            self.client("s3").upload_file(str(data / name), self.bucket, f"incoming/{batch}/{name}")

    def executions(self):
        """The executions of the workflow itself, newest first, without the children of its map."""
        listed = self.client("stepfunctions").list_executions(stateMachineArn=self.workflow)["executions"]
        return sorted(listed, key=lambda each: each["startDate"], reverse=True)

    def ended(self, name, seconds=600.0):
        """Waits for the end of the execution whose name starts so."""
        def look():
            found = [each for each in self.executions() if each["name"].startswith(name)]
            return found and found[0]["status"] != "RUNNING" and found[0]
        return wait_for(f"the execution {name}", look, seconds)

    def uploaded(self, batch, data, names=WORKBOOKS, seconds=600.0):
        """Uploads, and waits for the end of the execution that comes of it."""
        before = {each["name"] for each in self.executions()}
        self.upload(batch, data, names)

        def started():
            return [each["name"] for each in self.executions() if each["name"] not in before]
        return self.ended(wait_for("an execution", started, 120)[0], seconds)

    def history(self, arn):
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def children(self, arn):
        """The executions of an execution's map, one a customer, with their histories."""
        client = self.client("stepfunctions")
        runs = client.list_map_runs(executionArn=arn)["mapRuns"]
        children = client.list_executions(mapRunArn=runs[0]["mapRunArn"])["executions"]
        return [child | {"history": self.history(child["executionArn"])} for child in children]

    def keys(self, prefix=""):
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def read(self, key):
        return self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def run_of(self, execution):
        described = self.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
        return json.loads(described["input"])["run"]

    def manifest(self, run):
        return json.loads(self.read(f"runs/{run}/manifest.json"))

    def logs(self):
        """Every line that a function or the workflow has written."""
        client, lines = self.client("logs"), []
        for group in client.describe_log_groups()["logGroups"]:
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            lines += [event["message"] for page in pages for event in page["events"]]
        return lines

    def invoke(self, function, payload):
        """Calls a function; gives whether it failed, and its answer."""
        client = self.client("lambda")
        called = client.invoke(FunctionName=self.resources[f"{function.title()}Function"], Payload=json.dumps(payload))
        return "FunctionError" in called, json.loads(called["Payload"].read() or b"null")

    def stop(self):
        self.emulator.stop()


def entered(history):
    """The names of the states that an execution went through, in order."""
    return [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]


def tasks(history):
    """How its tasks ended, in order: `succeeded`, or the name of the error. Of a map's children the emulator records
    the tasks and not the states."""
    found = []
    for event in history:
        if event["type"] in ["TaskSucceeded", "LambdaFunctionSucceeded"]:
            found.append("succeeded")
        for kind, details in event.items():
            if re.fullmatch(r"(task|lambdaFunction)(Failed|TimedOut)EventDetails", kind):
                found.append(details["error"])
    return found
