"""Tests that the workflow produces identical files on two interpreters and on one machine."""

import json
import os
import subprocess
import urllib.request

import boto3
import pytest
from botocore.config import Config
from cloud import (
    PASSWORD, PROGRAM, REGION, ROOT, SETTINGS, STAGES, TOOLS, Cloud, Program, entered_states, environment, free_port,
    is_answering, wait_for)

COMPARED = ["recommendation.txt", "recommendation.vtt", "recommendation.mp4", "poster.jpg", "preview.gif"]


@pytest.fixture(scope="module")
def first(cloud, published):
    """The results for the sample on the emulator's interpreter."""
    return results(cloud, published["run"])


def results(cloud, run):
    """Returns the outcome and the files to compare, for each customer in a run."""
    entries = cloud.manifest(run)["entries"]
    return {entry["reference"]: (outcome(entry), files(cloud, run, entry)) for entry in entries}


def outcome(entry):
    return {key: value for key, value in entry.items() if key in ["outcome", "skip", "video", "error", "stage"]}


def files(cloud, run, entry):
    folder = f"customers/{entry['reference']}/{run}"
    present = {key.rsplit("/", 1)[1] for key in cloud.keys(f"{folder}/")}
    return {name: cloud.read(f"{folder}/{name}").replace(run.encode(), b"RUN") for name in COMPARED if name in present}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for reference in one:
        assert one[reference][0] == other[reference][0]
        assert one[reference][1].keys() == other[reference][1].keys()
        different = [name for name, content in one[reference][1].items() if content != other[reference][1][name]]
        assert not different, (reference, different)
    assert any(files for _, files in one.values()), "at least one customer must have files"


def test_one_machine_produces_identical_files(cloud, first, sample, tmp_path):
    (tmp_path / "bespoke.toml").write_text(SETTINGS)
    keys = {"BESPOKE_DATA_KEY": cloud.secret("DataKey"), "BESPOKE_REFERENCE_KEY": cloud.secret("ReferenceKey")}
    command = [PROGRAM, "demo", "--all", "--data", sample, "--assets", ROOT / "assets",
               "--artifacts", tmp_path / "artifacts"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | keys | {"EXCEL_PASSWORD": PASSWORD}, check=True, capture_output=True)
    (manifest,) = (tmp_path / "artifacts/runs").glob("*/manifest.json")
    run, entries = manifest.parent, json.loads(manifest.read_text())["entries"]
    local = {}
    for entry in entries:
        folder = tmp_path / "artifacts/customers" / entry["reference"] / run.name
        present = [name for name in COMPARED if (folder / name).exists()]
        contents = {name: (folder / name).read_bytes().replace(run.name.encode(), b"RUN") for name in present}
        local[entry["reference"]] = (outcome(entry), contents)
    assert_same(local, first)


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory, functions, cloud):
    """A second emulator with the first one's keys, and moto's interpreter, which calls the functions on that emulator."""
    folder = tmp_path_factory.mktemp("interpreter")
    rest = Cloud(folder / "rest", functions, auth=False)
    server = None
    try:
        rest.deploy()
        rest.configure()
        for key in ["DataKey", "ReferenceKey"]:
            secrets = rest.client("secretsmanager")
            secrets.put_secret_value(SecretId=rest.resources[key], SecretString=cloud.secret(key))
        port = free_port()
        # moto's interpreter sends its calls to this port.
        env = environment(rest.port, MOTO_PORT=str(rest.port))
        server = Program("moto", [TOOLS / "interpreter/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], folder, env)
        wait_for("moto", lambda: is_answering(f"http://127.0.0.1:{port}/moto-api/"), 60)
        yield rest, machine(rest, port)
    finally:
        rest.stop()
        if server:
            server.stop()


def machine(rest, port):
    """Creates the state machine on moto, with the substitutions that CloudFormation would make.

    Returns the client and the machine's ARN."""
    client = boto3.client("stepfunctions", endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION,
                          aws_access_key_id="test", aws_secret_access_key="test",
                          config=Config(retries={"total_max_attempts": 1}))
    switch = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/config", method="POST",
                                    data=b'{"stepfunctions": {"execute_state_machine": true}}',
                                    headers={"content-type": "application/json"})
    urllib.request.urlopen(switch).read()
    definition = (ROOT / "infra/workflow.asl.json").read_text().replace("${Bucket}", rest.bucket)
    for stage in STAGES:
        function = rest.client("lambda").get_function_configuration(FunctionName=rest.resources[f"{stage.title()}Function"])
        definition = definition.replace(f"${{{stage.title()}FunctionArn}}", function["FunctionArn"])
    arn = client.create_state_machine(name="bespoke", definition=definition,
                                      roleArn="arn:aws:iam::000000000000:role/any")["stateMachineArn"]
    return client, arn


@pytest.mark.skipif(not os.environ.get("WHOLE"), reason="takes minutes; `make aws-test` runs it")
def test_second_interpreter_produces_identical_files(interpreter, first, sample):
    rest, (client, arn) = interpreter
    # `start` writes the request, and then the execution is started on the other interpreter.
    run = rest.request_without_start("compared", sample)
    given = {"run": run, "batch": "compared", "concurrency": 2, "tolerated_failure_percentage": 5, "limit": None,
             "dry_run": False, "video": True}
    execution = client.start_execution(stateMachineArn=arn, name="second", input=json.dumps(given))["executionArn"]

    def ended():
        described = client.describe_execution(executionArn=execution)
        return described["status"] != "RUNNING" and described
    described = wait_for("the end of the execution", ended, 900)
    history = client.get_execution_history(executionArn=execution)["events"]
    assert described["status"] == "SUCCEEDED", history[-3:]
    assert [state for state in entered_states(history) if state in ["Merge", "Customers", "Finalize"]] == [
        "Merge", "Customers", "Finalize"]
    assert_same(results(rest, run), first)
