"""Runs Bespoke on an AWS emulator: `sam deploy` deploys it, and boto3, AWS's own SDK, calls it.

The emulator is third-party software. It checks signatures and the functions' roles, runs the functions' real binaries
behind the Lambda Runtime API, and interprets the workflow's definition. It does not mount layers, so the deployed template
points the functions at this machine's own ffmpeg, espeak-ng and assets.
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
# The command, which the workspace's tests have built.
PROGRAM = ROOT / "target/ci/bespoke-under-test"
STAGES = ["merge", "assess", "recommend", "narrate", "render", "publish", "finalize"]
FUNCTIONS = [*STAGES, "start", "api", "notify", "export", "retract"]
WORKBOOKS = ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx"]
PASSWORD = "meridian-demo"
REGION = "eu-central-1"
STACK = "bespoke-test"
# The videos are small and quick to make, because these tests do not check the image. The voice is espeak-ng, because the
# emulator has no Polly. There is no contact cap, because the tests run the same customers again and again.
SETTINGS = '[offers]\nat_most_every_days = 0\n[video]\nresolution = 180\npreset = "ultrafast"\ncrf = 34\n[voice]\nengine = "espeak"\n'


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(name, poll, seconds=120.0):
    """Calls `poll` until it returns a true value, and returns that value. `name` describes the value in the error."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = poll()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{name} did not appear within {seconds} s")


def environment(port, **more):
    """Returns the environment for a program that talks to the emulator and never to AWS."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    address = f"http://127.0.0.1:{port}"
    return inherited | {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": address, "SAM_CLI_TELEMETRY": "0",
    } | more


class Program:
    """A server process that writes its output to a file."""

    def __init__(self, name, command, folder, env):
        self.log = folder / f"{name}.log"
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=self.log.open("w"), stderr=subprocess.STDOUT)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def is_answering(address):
    """Returns whether an HTTP server answers at the address, with any status."""
    try:
        urllib.request.urlopen(address, timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Cloud:
    """An emulator with the deployed stack."""

    def __init__(self, folder, functions, auth=True):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.functions, self.auth, self.port = folder, functions, auth, free_port()
        env = environment(self.port, BIND_HOST="127.0.0.1", GATEWAY_PORT=str(self.port), AUTH=str(auth).lower(),
                          TMPDIR=str(folder), LAMBDA_ASYNC_RETRY_BASE_SECONDS="1")
        self.emulator = Program("emulator", [TOOLS / "emulator/bin/ministack"], folder, env)
        wait_for("the emulator", lambda: is_answering(f"http://127.0.0.1:{self.port}/_ministack/health"), 60)

    def client(self, service):
        # Retries are off, so a test sees every error.
        config = Config(retries={"total_max_attempts": 1}, read_timeout=1000, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION, config=config,
                            aws_access_key_id="test", aws_secret_access_key="test")

    def deploy(self):
        """Deploys the stack with `sam deploy`, as infra/DEPLOY.md describes."""
        build = self.prepare_build()
        command = [TOOLS / "sam/bin/sam", "deploy", "--template-file", "infra/template.yaml", "--stack-name", STACK,
                   "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset",
                   "--no-progressbar", "--parameter-overrides", "Architecture=x86_64", "Concurrency=2"]
        done = subprocess.run(command, cwd=build, env=environment(self.port), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        described = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        self.bucket, self.workflow = self.outputs["Bucket"], self.outputs["Workflow"]
        resources = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        self.resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
        self.remove_bucket_policy()

    def prepare_build(self):
        """Creates the folder that `sam deploy` reads: the template with this machine's paths, empty layers, the functions."""
        build = self.folder / "build"
        (build / "infra").mkdir(parents=True)
        for definition in (ROOT / "infra").glob("*.asl.json"):
            # The emulator supports only literal thresholds. Another test covers the path with the other interpreter.
            text = definition.read_text().replace('"ToleratedFailureCountPath": "$.merged.tolerated_failures"', '"ToleratedFailureCount": 4')
            (build / "infra" / definition.name).write_text(text)
        (build / "infra/template.yaml").write_text(template_with_local_paths())
        for layer in ["media", "assets"]:
            (build / "target/layers" / layer).mkdir(parents=True)
            (build / "target/layers" / layer / "README").write_text("The emulator does not mount layers.\n")
        shutil.copytree(self.functions, build / "target/lambda")
        return build

    def remove_bucket_policy(self):
        """Checks that the bucket policy refuses calls without TLS, and then removes it, because the emulator has no TLS."""
        if self.auth:
            failed, answer = self.invoke("start", {"look_for": "incomplete-batches"})
            assert failed and "explicit deny in a resource-based policy" in answer["errorMessage"], answer
        self.client("s3").delete_bucket_policy(Bucket=self.bucket)

    def configure(self, settings=SETTINGS):
        """Uploads settings, catalog and lexicon and sets the workbooks' password, as infra/DEPLOY.md describes."""
        s3 = self.client("s3")
        s3.put_object(Bucket=self.bucket, Key="config/bespoke.toml", Body=settings.encode())
        for name in ["catalogue.json", "lexicon.toml"]:
            s3.put_object(Bucket=self.bucket, Key=f"config/{name}", Body=(ROOT / "data" / name).read_bytes())
        self.set_password(PASSWORD)

    def set_password(self, password):
        self.client("secretsmanager").put_secret_value(SecretId=self.outputs["WorkbookPassword"], SecretString=password)

    def set_variables(self, function, **variables):
        """Changes a function's environment, which also ends its warm processes. Returns the previous environment."""
        client, name = self.client("lambda"), self.resources[f"{function.title()}Function"]
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
        self.publish(name)
        return before

    def publish(self, name):
        """Publishes a version of a function and puts it into the definitions, as a deployment does. Running executions keep
        the version that they started with."""
        client, states = self.client("lambda"), self.client("stepfunctions")
        version = client.publish_version(FunctionName=name)["Version"]
        if any(alias["Name"] == "live" for alias in client.list_aliases(FunctionName=name)["Aliases"]):
            client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
        for machine in [self.workflow, self.resources["Refresh"], self.resources["Recall"]]:
            definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
            named = re.sub(rf"{re.escape(name)}:\d+", f"{name}:{version}", definition)
            if named != definition:
                states.update_state_machine(stateMachineArn=machine, definition=named)

    def restart(self, function):
        """Ends a function's warm processes, which cache secrets."""
        self.set_variables(function, STARTED_AGAIN=str(time.monotonic_ns()))

    def request_without_start(self, batch, data):
        """Uploads a batch and lets `start` write the request without starting an execution. Returns the run's id.

        Afterward, `start` still points to a workflow that does not exist."""
        self.set_variables("start", STATE_MACHINE=self.workflow.rsplit(":", 1)[0] + ":elsewhere")
        self.upload(batch, data)
        request = wait_for("the request", lambda: [key for key in self.keys("runs/") if key.endswith("request.json")])[0]
        assert not self.executions()
        return request.split("/")[1]

    def secret(self, name):
        client = self.client("secretsmanager")
        return client.get_secret_value(SecretId=self.resources[name])["SecretString"]

    def put_schedule(self, name, text):
        """Writes the file of a schedule, and waits until its timer matches. Returns the timer."""
        self.client("s3").put_object(Bucket=self.bucket, Key=f"schedules/{name}.toml", Body=text.encode())
        when = re.search(r'^when = "(.+)"$', text, re.M)[1]

        def timer():
            found = self.timers().get(name)
            return found and found["ScheduleExpression"] == when and found
        return wait_for(f"the timer of schedule {name}", timer)

    def timers(self):
        """Returns the timers of the schedules by name."""
        client, group = self.client("scheduler"), self.resources["Timers"]
        listed = client.list_schedules(GroupName=group)["Schedules"]
        names = [each["Name"] for each in listed if each["GroupName"] == group]
        return {name: client.get_schedule(GroupName=group, Name=name) for name in names}

    def upload(self, batch, data, names=WORKBOOKS):
        for name in names:
            self.client("s3").upload_file(str(data / name), self.bucket, f"incoming/{batch}/{name}")

    def executions(self):
        """Returns the executions of the workflow, newest first, without the children of its map."""
        listed = self.client("stepfunctions").list_executions(stateMachineArn=self.workflow)["executions"]
        return sorted(listed, key=lambda each: each["startDate"], reverse=True)

    def wait_for_end(self, prefix, seconds=600.0):
        """Waits until the newest execution whose name has this prefix has ended. Returns the execution."""
        def ended():
            found = [each for each in self.executions() if each["name"].startswith(prefix)]
            return found and found[0]["status"] != "RUNNING" and found[0]
        return wait_for(f"the end of execution {prefix}", ended, seconds)

    def upload_and_wait(self, batch, data, names=WORKBOOKS, seconds=600.0):
        """Uploads workbooks and waits until the execution that they start has ended. Returns the execution."""
        before = {each["name"] for each in self.executions()}
        self.upload(batch, data, names)

        def started():
            return [each["name"] for each in self.executions() if each["name"] not in before]
        return self.wait_for_end(wait_for("an execution", started, 120)[0], seconds)

    def history(self, arn):
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def children(self, arn):
        """Returns the child executions of an execution's map, one per customer, with their histories."""
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
        """Returns every log line of all functions and of the workflow."""
        client, lines = self.client("logs"), []
        for group in client.describe_log_groups()["logGroups"]:
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            lines += [event["message"] for page in pages for event in page["events"]]
        return lines

    def invoke(self, function, payload):
        """Invokes a function. Returns whether it failed, and its response."""
        client = self.client("lambda")
        called = client.invoke(FunctionName=self.resources[f"{function.title()}Function"], Payload=json.dumps(payload))
        return "FunctionError" in called, json.loads(called["Payload"].read() or b"null")

    def stop(self):
        self.emulator.stop()


def template_with_local_paths():
    """Returns the template with added variables that point the functions at this machine's programs and assets."""
    template = (ROOT / "infra/template.yaml").read_text()
    paths = {
        "FFMPEG_PATH": shutil.which("ffmpeg"), "FFPROBE_PATH": shutil.which("ffprobe"),
        "ESPEAK_PATH": shutil.which("espeak-ng"), "ASSETS_DIR": str(ROOT / "assets"),
    }
    anchor = "        AWS_LAMBDA_LOG_LEVEL: info\n"
    assert anchor in template, "the template must set AWS_LAMBDA_LOG_LEVEL for all functions"
    lines = "".join(f"        {name}: {value}\n" for name, value in paths.items())
    # The emulator checks permissions for a timer as if it were in the default group.
    group = ":schedule/${Timers}/*"
    assert group in template, "start may set timers only in the stack's own group"
    return template.replace(anchor, anchor + lines).replace(group, ":schedule/default/*")


def entered_states(history):
    """Returns the names of the states that an execution entered, in order."""
    return [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]


def task_results(history):
    """Returns `succeeded` or the error's name for each task of an execution, in order.

    The emulator records only tasks, not states, for the children of a map."""
    found = []
    for event in history:
        if event["type"] in ["TaskSucceeded", "LambdaFunctionSucceeded"]:
            found.append("succeeded")
        for kind, details in event.items():
            if re.fullmatch(r"(task|lambdaFunction)(Failed|TimedOut)EventDetails", kind):
                found.append(details["error"])
    return found
