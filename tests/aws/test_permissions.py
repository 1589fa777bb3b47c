"""Each function without one of its permissions, each in turn, fails by name; with all of them it does its work.

A permission is one resource of one statement of the function's role. Those whose lack a first run on the emulator cannot
show are listed with the reason, and left in place.
"""

import itertools
import json
import os

import pytest
from cloud import FUNCTIONS, ROOT, SETTINGS, STAGES

pytestmark = pytest.mark.skipif(not os.environ.get("WHOLE"), reason="takes minutes; `make aws-test` runs it")

# Needed on AWS, or in a case that a first run does not meet.
WITHOUT_EFFECT = {
    ("*", "Key"): "the emulator does not ask for the key's permission on behalf of S3 and Secrets Manager",
    ("a stage", "List"): "on AWS a missing object answers 403 without it; the emulator answers 404 all the same",
    ("table", "List"): "on AWS a missing object answers 403 without it; the emulator answers 404 all the same",
    ("*", "Progress"): "progress that cannot be written does not stop the work",
    ("merge", "Read", "control/keys"): "read only for customers whom an earlier batch brought",
    ("merge", "Read", "runs/*/index.csv"): "read only when a run is taken up again",
    ("narrate", "Read", "narration.wav"): "read only when another writer was first",
    ("narrate", "Speak", "*"): "the emulator has no Polly: the tests' settings choose espeak-ng",
    ("narrate", "Secrets", "ModelKey"): "read only when the settings switch the outside speech service on",
    ("render", "Read", "poster.jpg"): "read only when another writer was first",
    ("render", "Read", "preview.gif"): "read only when another writer was first",
    ("assess", "Read", "evidence.json"): "read only when the settings cap how often a customer hears from the bank",
    ("merge", "Read", "control/forgotten"): "read only for a run of one customer",
    ("merge", "Erase", "*"): "used for a key that was made while its customer was being forgotten",
    ("merge", "Versions", "*"): "used for a key that was made while its customer was being forgotten",
    ("publish", "Read", "index.csv"): "read only when the settings put the first of a run before a person",
    ("publish", "Recalled", "*"): "used for what was taken back",
    ("publish", "ContactReservations", "*"): "used when the settings cap how often a customer hears from the bank",
    ("publish", "Lock", "*"): "used when the stack locks its evidence",
    ("publish", "GoOn", "*"): "used when a decision came before the task that waits for it",
    ("publish", "Erase", "*"): "used for a customer who was forgotten while a stage was under way",
    ("publish", "Versions", "*"): "used for a customer who was forgotten while a stage was under way",
    ("publish", "Delete", "*"): "used for a customer who was suppressed since, who withdrew, or who had failed",
    ("publish", "Write", "failure.json"): "used for a failure",
    ("finalize", "Read", "failure.json"): "used for a failure",
    ("finalize", "Read", "control/"): "used for what waits for a person, and for a customer who was forgotten",
    ("finalize", "Read", "manifest.json"): "used when merge failed",
    ("recommend", "Secrets", "ModelKey"): "read only when the settings switch the model on",
    ("start", "Read", "request.json"): "read only when the request lies there already",
    ("start", "Look", "*"): "asked under names whose executions there are",
    ("takeback", "Erase", "control/reviews"): "used for what waits for a person",
    ("api", "Read", "links/"): "read by whoever opens a customer's link",
    ("api", "Read", "recalled/"): "read when something is taken back",
    ("api", "Read", "index.csv"): "read when something is taken back",
    ("api", "Read", "script.json"): "read for what waits for a person",
    ("api", "ReadRender", "*"): "read when something is taken back",
    ("api", "Decide", "*"): "used for what a person decides",
    ("api", "TakeBack", "*"): "used when something is taken back",
    ("api", "Lock", "*"): "used when the stack locks its evidence",
    ("api", "GoOn", "*"): "used for what a person decides",
    ("api", "Read", "failure.json"): "read for a customer whose part failed",
    ("api", "Read", "script.json"): "read for a customer whose text is written and not published",
    ("api", "Read", "manifest.json"): "read for a campaign",
    ("api", "Write", "incoming/"): "used by whoever follows the address of an upload",
    ("api", "Read", "poster.jpg"): "read by whoever follows the link",
    ("api", "Read", "preview.gif"): "read by whoever follows the link",
}


class Role:
    """A function's role, from which a permission is taken and put back."""

    def __init__(self, cloud, function):
        self.cloud, self.function = cloud, function
        name = cloud.resources[f"{function.title()}Function"]
        configuration = cloud.client("lambda").get_function_configuration(FunctionName=name)
        self.role, self.iam = configuration["Role"].rsplit("/", 1)[1], cloud.client("iam")
        names = self.iam.list_role_policies(RoleName=self.role)["PolicyNames"]
        documents = {name: self.iam.get_role_policy(RoleName=self.role, PolicyName=name)["PolicyDocument"] for name in names}
        # Another is what SAM adds for the queue of what failed: its statement has no name.
        self.policy, self.whole = next(item for item in documents.items() if "Sid" in item[1]["Statement"][0])

    def permissions(self):
        for statement in self.whole["Statement"]:
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                yield statement["Sid"], resource

    def put(self, document):
        self.iam.put_role_policy(RoleName=self.role, PolicyName=self.policy, PolicyDocument=json.dumps(document))
        self.cloud.restart(self.function)

    def without(self, sid, resource):
        statements = []
        for statement in self.whole["Statement"]:
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            left = [each for each in resources if (statement["Sid"], each) != (sid, resource)]
            if left:
                statements.append(statement | {"Resource": left})
        self.put(self.whole | {"Statement": statements})

    def restore(self):
        self.put(self.whole)


def is_without_effect(function, sid, resource):
    for (who, which, *what) in WITHOUT_EFFECT:
        if who in ["*", function, "a stage" if function in STAGES else None] and which == sid and (not what or what[0] == "*" or what[0] in resource):
            return True
    return False


class Kept:
    """What lies in the bucket of customers, runs and lists, to be put back after a call that took some of it away."""

    PREFIXES = ["customers/", "recalled/", "control/", "runs/"]

    def __init__(self, cloud):
        self.cloud, self.objects = cloud, {key: cloud.read(key) for prefix in self.PREFIXES for key in cloud.keys(prefix)}

    def put_back(self):
        s3, bucket = self.cloud.client("s3"), self.cloud.bucket
        for key in {key for prefix in self.PREFIXES for key in self.cloud.keys(prefix)} - self.objects.keys():
            s3.delete_object(Bucket=bucket, Key=key)
        for key, body in self.objects.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)


def each_in_turn(cloud, function, *payloads, before=lambda: None):
    """Calls the function without each of its permissions, and then with all of them; gives its last answer and what was
    missed. A payload that must be another each time is made by a function."""
    def call():
        before()
        for payload in payloads:
            failed, answer = cloud.invoke(function, payload() if callable(payload) else payload)
            if failed or answer.get("statusCode", 200) >= 400:
                return True, answer
        return False, answer
    role, missed = Role(cloud, function), []
    try:
        for sid, resource in role.permissions():
            if is_without_effect(function, sid, resource):
                continue
            role.without(sid, resource)
            failed, answer = call()
            assert failed, f"{function} without {sid} on {resource}: {answer}"
            named = json.dumps(answer)
            assert any(name in named for name in ["Store.Unavailable", "Secret.Unavailable", "Start.Unavailable", "Runtime.ExitError"]), named
            missed.append((sid, resource))
    finally:
        role.restore()
    failed, answer = call()
    assert not failed, f"{function} with all of its permissions: {answer}"
    return answer, missed


def test_every_function_needs_every_permission_that_it_has(fresh, sample):
    run, tried = fresh.requested("b", sample), {}
    merged, tried["merge"] = each_in_turn(fresh, "merge", {"run": run, "batch": "b"})
    rows = fresh.read(f"runs/{run}/index.csv").decode().splitlines()
    names, row = rows[0].split(","), rows[1].split(",")
    payload = {"run": run, "dataset": merged["dataset"], "row": dict(zip(names, row))}
    assessed, tried["assess"] = each_in_turn(fresh, "assess", payload)
    assert assessed["proceed"]
    task = {"run": run, "reference": row[0]}
    for stage in ["recommend", "narrate", "render"]:
        _, tried[stage] = each_in_turn(fresh, stage, task)
    _, tried["publish"] = each_in_turn(fresh, "publish", task | {"video": True})
    _, tried["finalize"] = each_in_turn(fresh, "finalize", {"run": run, "dataset": merged["dataset"]})

    fresh.set_variables("start", STATE_MACHINE=fresh.workflow)
    event = {"schedule": "permissions", "at": "2026-11-23T08:00:00Z"}
    _, tried["start"] = each_in_turn(fresh, "start", event)

    asked, reading = (json.loads((ROOT / f"events/api-{name}.json").read_text()) for name in ["start-recommendation", "read-recommendation"])
    _, answer = fresh.invoke("api", asked)
    reading["rawPath"] = reading["requestContext"]["http"]["path"] = json.loads(answer["body"])["self"]
    fresh.ended("call-")
    count = itertools.count()

    def another():
        # Starts an execution, which soon fails: nobody has this id.
        headers = asked["headers"] | {"idempotency-key": str(next(count))}
        return asked | {"headers": headers, "body": '{"customer_id": "nobody"}'}
    _, tried["api"] = each_in_turn(fresh, "api", another, reading)
    fresh.configure(SETTINGS + '[delivery]\nlink_base = "https://bank.example/l"\n')
    _, tried["table"] = each_in_turn(fresh, "table", {"run": run})
    recall, forget = {"recall": {"run": run, "by": "Rita Reyes"}}, {"forget": {"customer": "0001"}}
    _, tried["takeback"] = each_in_turn(fresh, "takeback", recall, forget, before=Kept(fresh).put_back)
    # `deliver` reads its settings and does no more unless they name an address.
    failed, answer = fresh.invoke("deliver", json.loads((ROOT / "events/deliver.json").read_text()))
    assert not failed and answer == {"sent": 0, "before": 0, "dead": 0}, answer
    assert tried.keys() == set(FUNCTIONS) - {"deliver"}
    for function, permissions in tried.items():
        print(f"{function}: missed each of {len(permissions)} permissions")
        assert len(permissions) >= 5, (function, permissions)
