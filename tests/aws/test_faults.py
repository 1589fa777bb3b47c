"""Tests of failures: each one has a name, the execution history shows the retry or catch that the workflow defines, and other
customers are unaffected."""

import collections
import http.server
import json
import os
import re
import threading

import pytest
from cloud import PASSWORD, SETTINGS, entered_states, task_results

COUNTS = {"published": 2, "skipped": 2}


def scheduled(cloud, at):
    """Starts a run over the newest batch and waits for its end. Returns the execution with its run."""
    cloud.put_schedule("faults", 'when = "cron(0 8 ? * * 2099)"\n')
    failed, answer = cloud.invoke("start", {"schedule": "faults", "at": at})
    assert not failed and not answer["already"], answer
    return cloud.wait_for_end(answer["execution"]) | {"run": answer["run"]}


def test_run_resumes_after_a_wrong_password_is_corrected(cloud, other_rows):
    cloud.set_password("not this")
    cloud.restart("merge")
    try:
        first = cloud.upload_and_wait("locked", other_rows)
        assert first["status"] == "FAILED"
        described = cloud.client("stepfunctions").describe_execution(executionArn=first["executionArn"])
        assert described["error"] == "Input.WrongPassword"
        assert "customer_profile.xlsx" in described["cause"] and "not this" not in described["cause"]
        assert entered_states(cloud.history(first["executionArn"])) == [
            "Defaults", "Merge", "MergeFailed", "RecordOutcomes", "IsFailedDryRun", "AnnounceFailed", "WhoseError", "Failed"]
        assert cloud.manifest(cloud.run_of(first))["customers"] == 0
    finally:
        cloud.set_password(PASSWORD)
    second = cloud.upload_and_wait("locked", other_rows, ["twitter_data.xlsx"])
    assert second["name"] == first["name"].removesuffix("-0") + "-1" and second["status"] == "SUCCEEDED"
    assert cloud.run_of(second) == cloud.run_of(first), "the second execution must resume the same run"
    assert cloud.manifest(cloud.run_of(second))["counts"] == COUNTS


def test_killed_function_is_retried_once(cloud, published, tmp_path):
    # This fake voice engine kills its caller the first time it runs.
    engine, died = tmp_path / "espeak-ng", tmp_path / "died"
    engine.write_text(f'#!/bin/sh\nmkdir "{died}" 2>/dev/null && kill -9 $PPID\nexec espeak-ng "$@"\n')
    engine.chmod(0o755)
    before = cloud.set_variables("narrate", ESPEAK_PATH=str(engine))
    try:
        execution = scheduled(cloud, "2026-11-24T08:00:00Z")
    finally:
        cloud.set_variables("narrate", **before)
    assert died.exists() and execution["status"] == "SUCCEEDED"
    assert cloud.manifest(execution["run"])["counts"] == COUNTS
    ended = [end for child in cloud.children(execution["executionArn"]) for end in task_results(child["history"])]
    failed = [end for end in ended if end != "succeeded"]
    assert len(failed) == 1 and failed[0] in ["Lambda.Unknown", "Runtime.ExitError"], failed


def test_damaged_data_affects_only_its_own_customer(cloud, published):
    newest = next(each for each in cloud.executions() if each["status"] == "SUCCEEDED")
    victim = next(e["reference"] for e in cloud.manifest(cloud.run_of(newest))["entries"] if e["outcome"] == "published")
    dataset = re.search(r"[0-9a-f]{64}", json.dumps(cloud.history(newest["executionArn"]), default=str))[0]
    s3, lines = cloud.client("s3"), f"datasets/{dataset}/customers.jsonl"
    index = cloud.read(f"datasets/{dataset}/index.csv").decode().splitlines()
    offset = next(int(row.split(",")[1]) for row in index if row.startswith(victim))
    whole = cloud.read(lines)
    changed = bytearray(whole)
    changed[offset + 200:offset + 204] = b"AAAA" if changed[offset + 200:offset + 204] != b"AAAA" else b"BBBB"
    s3.put_object(Bucket=cloud.bucket, Key=lines, Body=bytes(changed))
    try:
        execution = scheduled(cloud, "2026-11-25T08:00:00Z")
    finally:
        s3.put_object(Bucket=cloud.bucket, Key=lines, Body=whole)
    assert execution["status"] == "SUCCEEDED"
    manifest = cloud.manifest(execution["run"])
    assert manifest["counts"] == {"published": 1, "skipped": 2, "failed": 1}
    entry = next(entry for entry in manifest["entries"] if entry["reference"] == victim)
    assert (entry["outcome"], entry["error"], entry["stage"]) == ("failed", "Seal.Broken", "assess")
    results = [task_results(child["history"]) for child in cloud.children(execution["executionArn"])]
    assert ["Seal.Broken", "succeeded"] in results, "publish must record the failure that the workflow catches"

    # As infra/DEPLOY.md says, another execution with the same input resumes the run.
    client = cloud.client("stepfunctions")
    given = client.describe_execution(executionArn=execution["executionArn"])["input"]
    client.start_execution(stateMachineArn=cloud.workflow, name="again-1", input=given)
    assert cloud.wait_for_end("again-1")["status"] == "SUCCEEDED"
    assert cloud.manifest(execution["run"])["counts"] == COUNTS


class Throttling(http.server.BaseHTTPRequestHandler):
    """A model service that asks every client to wait for an hour."""

    received = collections.Counter()

    def do_POST(self):
        self.received["requests"] += 1
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}).encode()
        self.send_response(429)
        self.send_header("retry-after", "3600")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not os.environ.get("WHOLE"), reason="waits a minute for each customer; `make aws-test` runs it")
def test_phrasebook_is_used_when_model_stays_throttled(cloud, published):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Throttling)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    model = f'[writer]\nmode = "free"\n[writer.model]\nenabled = true\nbase_url = "http://127.0.0.1:{server.server_port}/v1"\n'
    cloud.configure(SETTINGS + model)
    try:
        execution = scheduled(cloud, "2026-11-26T08:00:00Z")
    finally:
        cloud.configure()
        server.shutdown()
    assert execution["status"] == "SUCCEEDED"
    assert cloud.manifest(execution["run"])["counts"] == COUNTS
    results = [task_results(child["history"]) for child in cloud.children(execution["executionArn"])]
    # The tasks are assess, recommend and its three retries, recommend without the model, narrate, render and publish.
    throttled = ["succeeded", *["Writer.Throttled"] * 4, *["succeeded"] * 4]
    assert results.count(throttled) == 2, results
    # A process that is asked to wait for an hour sends no second request, so the two processes send at most one each.
    assert 1 <= Throttling.received["requests"] <= 2
