#!/usr/bin/env python3
"""Checks a deployed stack against the real services. It covers everything that emulators cannot show.

    tests/aws/smoke.py dev          # the stack bespoke-dev, with the credentials in the environment

Run it once after the first deployment, on a stack without customers. It makes recommendations for the twelve sample
customers, which costs less than one dollar (Polly 0.30, everything else 0.20) and takes about fifteen minutes. Then it deletes
its results. It prints one line for each check and exits with 1 if any check failed.
"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request
import uuid

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKBOOKS = ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx"]
PASSWORD = "meridian-demo"
# A stack with more objects than this is in use, and a test must not touch it.
MAX_OBJECTS = 1_000


def wait_for(what, poll, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = poll()
        if found:
            return found
        time.sleep(5)
    raise AssertionError(f"{what} did not appear within {seconds} s")


class Smoke:
    def __init__(self, stage):
        self.stack = f"bespoke-{stage}"
        described = boto3.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        self.out = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        self.s3, self.states, self.bucket = boto3.client("s3"), boto3.client("stepfunctions"), self.out["Bucket"]
        self.batch, self.failed = f"smoke-{uuid.uuid4().hex[:8]}", 0
        self.before = self.versions()
        assert len(self.before) <= MAX_OBJECTS, f"{self.bucket} is in use: it contains {len(self.before)} objects"
        self.secrets = boto3.client("secretsmanager")
        self.password = self.secrets.get_secret_value(SecretId=self.out["WorkbookPassword"])["SecretString"]

    def versions(self):
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return {(each["Key"], each["VersionId"]) for page in pages
                for each in page.get("Versions", []) + page.get("DeleteMarkers", [])}

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def read(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def check(self, what, test):
        try:
            test()
            print(f"ok      {what}")
        except Exception as error:  # noqa: BLE001 - any exception means that the check failed
            self.failed += 1
            print(f"FAILED  {what}: {error}")

    def ended(self, arn, seconds):
        def poll():
            described = self.states.describe_execution(executionArn=arn)
            return described["status"] != "RUNNING" and described
        return wait_for(f"the end of {arn}", poll, seconds)

    # -- the checks, in order; later checks use the run from the first one

    def campaign(self):
        for name in ["catalogue.json", "lexicon.toml"]:
            if not self.keys(f"config/{name}"):
                self.s3.upload_file(str(ROOT / "data" / name), self.bucket, f"config/{name}")
        self.secrets.put_secret_value(SecretId=self.out["WorkbookPassword"], SecretString=PASSWORD)
        known = {each["name"] for each in self.executions()}
        for name in WORKBOOKS:
            self.s3.upload_file(str(ROOT / "data" / name), self.bucket, f"incoming/{self.batch}/{name}")
        started = wait_for("an execution", lambda: [each for each in self.executions() if each["name"] not in known], 180)
        self.execution = self.ended(started[0]["executionArn"], 1800)
        self.run = json.loads(self.execution["input"])["run"]
        assert self.execution["status"] == "SUCCEEDED", self.execution.get("cause")
        self.manifest = json.loads(self.read(f"runs/{self.run}/manifest.json"))
        assert self.manifest["counts"].get("published"), self.manifest["counts"]

    def executions(self):
        return self.states.list_executions(stateMachineArn=self.out["Workflow"], maxResults=20)["executions"]

    def account_limits(self):
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=self.execution["executionArn"])
        entered = [event["stateEnteredEventDetails"]["name"] for page in pages for event in page["events"]
                   if "stateEnteredEventDetails" in event]
        assert "FitsAccount" in entered, "the workflow's role cannot read the account's limit"

    def result_writer(self):
        assert self.keys(f"runs/{self.run}/map/"), "ResultWriter wrote nothing into the encrypted bucket"

    def videos(self):
        published = [each["reference"] for each in self.manifest["entries"] if each["outcome"] == "published"]
        for reference in published:
            folder = f"customers/{reference}/{self.run}"
            assert self.keys(f"{folder}/recommendation.mp4"), "the layers are not mounted, or ffmpeg does not start"
            evidence = json.loads(self.read(f"{folder}/evidence.json"))
            voice = evidence["made_by"]["voice"]
            assert voice.startswith("polly"), f"{voice}: {evidence['made_by'].get('voice_instead_of')}"

    def decision(self):
        reference = self.manifest["entries"][0]["reference"]
        self.s3.put_object(Bucket=self.bucket, Key=f"control/decisions/{self.run}/{reference}.json", Body=b"{}")
        machine = self.out["Workflow"].replace("-workflow", "-refresh")
        wait_for("a refresh", lambda: [each for each in self.states.list_executions(stateMachineArn=machine)["executions"]
                                       if each["name"].startswith(self.run)], 180)

    def recall(self):
        given = json.dumps({"run": self.run, "by": "smoke test", "reason": "smoke test"})
        started = self.states.start_execution(stateMachineArn=self.out["Recall"], input=given)
        recalled = self.ended(started["executionArn"], 600)
        assert recalled["status"] == "SUCCEEDED", recalled.get("cause")
        assert any(self.run in key for key in self.keys("recalled/"))
        assert not [key for key in self.keys("customers/") if key.endswith(f"{self.run}/recommendation.mp4")]

    def undelivered(self):
        queue, mark = boto3.client("sqs"), uuid.uuid4().hex
        boto3.client("lambda").invoke(FunctionName=self.out["StartFunction"], InvocationType="Event",
                                      Payload=json.dumps({"smoke": mark}))

        def arrived():
            messages = queue.receive_message(QueueUrl=self.out["Undelivered"], MaxNumberOfMessages=10).get("Messages", [])
            own = [message for message in messages if mark in message["Body"]]
            for message in own:
                queue.delete_message(QueueUrl=self.out["Undelivered"], ReceiptHandle=message["ReceiptHandle"])
            return own
        wait_for("the failed event in the encrypted queue", arrived, 600)

    def status(self, address):
        try:
            return urllib.request.urlopen(address, timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    def addresses(self):
        assert self.status(f"{self.out['ApiAddress']}/") == 200
        assert self.status(f"{self.out['ApiAddress']}/v1/campaigns") == 401, "the API needs a token"
        assert self.status(f"{self.out['LinksAddress']}/l/none") == 404
        region = self.s3.meta.region_name
        assert self.status(f"http://{self.bucket}.s3.{region}.amazonaws.com/config/catalogue.json") == 403, "plain HTTP is refused"

    def rules(self):
        watch = boto3.client("cloudwatch")
        alarms = watch.describe_alarms(AlarmNamePrefix=self.stack)["MetricAlarms"]
        failing = [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM" and "Failed" in each["AlarmName"]]
        assert alarms and not failing, failing

    def clean(self):
        self.secrets.put_secret_value(SecretId=self.out["WorkbookPassword"], SecretString=self.password)
        made = sorted(self.versions() - self.before)
        for start in range(0, len(made), 1000):
            objects = [{"Key": key, "VersionId": version} for key, version in made[start:start + 1000]]
            deleted = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
            assert not deleted.get("Errors"), deleted["Errors"][:3]


def main():
    smoke = Smoke(sys.argv[1] if len(sys.argv) > 1 else "dev")
    try:
        smoke.check("an upload publishes videos; the roles and the key have all necessary permissions", smoke.campaign)
        if hasattr(smoke, "manifest"):
            smoke.check("the workflow reads the account's concurrency", smoke.account_limits)
            smoke.check("ResultWriter writes into the encrypted bucket", smoke.result_writer)
            smoke.check("Lambda mounts the layers, and Polly narrates", smoke.videos)
            smoke.check("a decision invokes publish, which starts a refresh", smoke.decision)
            smoke.check("a whole run is recalled", smoke.recall)
        smoke.check("a failed event reaches the encrypted queue", smoke.undelivered)
        smoke.check("the public addresses respond with the expected statuses", smoke.addresses)
        smoke.check("no alarm fired", smoke.rules)
    finally:
        smoke.check("everything that these checks created is deleted", smoke.clean)
    sys.exit(1 if smoke.failed else 0)


if __name__ == "__main__":
    main()
