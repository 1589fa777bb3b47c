"""Removes each function's permissions one at a time, and checks that the function then fails with a named error. With all
permissions, it must succeed.

A permission is one resource in one statement of the function's role. `WITHOUT_EFFECT` lists the permissions whose removal has
no effect in a first run on the emulator; these are not removed.
"""

import itertools
import json
import os

import pytest
from cloud import FUNCTIONS, ROOT, SETTINGS, STAGES

pytestmark = pytest.mark.skipif(not os.environ.get("WHOLE"), reason="takes minutes; `make aws-test` runs it")

MISSING_IS_404 = "without it AWS answers 403 for a missing object; the emulator answers 404 either way"
CONTACT_CAP = "used only with a contact cap"
OTHER_WRITER = "read only when another attempt wrote the object first"
ERASED_MEANWHILE = "used when a customer is erased while a stage is processing them"
RECALL = "used for a recall"
REVIEW = "used for a customer in review"
OBJECT_LOCK = "used when the stack locks objects"

# The function, the statement, and part of the resource. "*" matches everything.
WITHOUT_EFFECT = {
    ("*", "Key", "*"): "the emulator does not check access to the key for S3 and Secrets Manager",
    ("*", "Progress", "*"): "the function continues if progress cannot be written",
    ("*", "Ledger", "log/"): "read only while the ledger does not exist",
    ("recommend", "Ledger", "*"): "read only before a call to a model",
    ("narrate", "Ledger", "*"): "read only before a call to an outside voice",
    ("api", "LedgerWrite", "*"): "used by compliance",
    ("api", "Reasons", "*"): "used for a review and for a letter",
    ("a stage", "List", "*"): MISSING_IS_404,
    ("export", "List", "*"): MISSING_IS_404,
    ("merge", "Read", "control/keys"): "read only for customers of an earlier batch",
    ("merge", "Read", "control/forgotten"): "read only for a run of one customer",
    ("merge", "Read", "runs/*/index.csv"): "read only when a run resumes",
    ("merge", "Erase", "*"): ERASED_MEANWHILE,
    ("merge", "Versions", "*"): ERASED_MEANWHILE,
    ("assess", "Read", "evidence.json"): CONTACT_CAP,
    ("recommend", "Secrets", "ModelKey"): "read only when the settings enable the model",
    ("narrate", "Secrets", "ModelKey"): "read only when the settings enable the outside voice service",
    ("recommend", "Control", "*"): "read only before a call to a model",
    ("narrate", "Control", "*"): "read only before a call to an outside voice",
    ("narrate", "Speak", "*"): "the emulator has no Polly; the tests' settings choose espeak-ng",
    ("narrate", "Read", "narration.wav"): OTHER_WRITER,
    ("render", "Read", "poster.jpg"): OTHER_WRITER,
    ("render", "Read", "preview.gif"): OTHER_WRITER,
    ("publish", "Read", "index.csv"): "read only when the settings put the first customers of a run in review",
    ("publish", "Recalled", "*"): RECALL,
    ("publish", "ContactCap", "*"): CONTACT_CAP,
    ("publish", "Lock", "*"): OBJECT_LOCK,
    ("assess", "Admit", "*"): "used for a run with a limit, and for a dry run",
    ("publish", "Refresh", "*"): "used after a decision",
    ("publish", "Erase", "*"): ERASED_MEANWHILE,
    ("publish", "Versions", "*"): ERASED_MEANWHILE,
    ("publish", "Delete", "*"): "used for a customer who was suppressed, withdrew consent, or failed before",
    ("publish", "Write", "failure.json"): "used for a failure",
    ("finalize", "Read", "failure.json"): "used for a failure",
    ("finalize", "Read", "control/"): "used for customers in review and for erased customers",
    ("finalize", "Read", "script.json"): "used for a customer without a record",
    ("finalize", "Read", "dry-run/"): "used for a dry run",
    ("finalize", "Read", "bespoke.toml"): "used for a dry run",
    ("finalize", "Lock", "*"): OBJECT_LOCK,
    ("finalize", "Write", "forecast.json"): "used for a dry run",
    ("start", "Read", "request.json"): "read only when the request exists already",
    ("start", "Look", "*"): "used when an execution of the same name exists",
    ("start", "PassTimerRole", "*"): "the emulator does not check which roles a timer may have",
    ("api", "Schedules", "*"): "used for schedules",
    ("api", "Read", "links/"): "used for a customer's link",
    ("api", "Read", "recalled/"): RECALL,
    ("api", "Read", "index.csv"): RECALL,
    ("api", "Read", "script.json"): "used for a customer in review, and for text before it is published",
    ("api", "Read", "failure.json"): "used for a customer who failed",
    ("api", "Read", "manifest.json"): "used for a campaign",
    ("api", "Read", "poster.jpg"): "the presigned URL uses it when it is opened",
    ("api", "Read", "preview.gif"): "the presigned URL uses it when it is opened",
    ("api", "ReadRender", "*"): RECALL,
    ("api", "Write", "incoming/"): "the presigned URL uses it when a workbook is uploaded",
    ("api", "Read", "runs/started/"): REVIEW,
    ("api", "Decide", "*"): REVIEW,
    ("api", "Recall", "*"): RECALL,
    ("api", "Lock", "*"): OBJECT_LOCK,
    ("api", "EndReview", "*"): REVIEW,
    ("api", "Requests", "*"): "used by compliance",
    ("api", "Read", "settings.json"): "used for a campaign with a budget",
    ("api", "Read", "campaign.json"): "used for a campaign",
    ("api", "Read", "forecast.json"): "used for a dry run",
    ("api", "Write", "campaign.json"): "used for a campaign",
    ("retract", "Erase", "control/reviews"): REVIEW,
    ("retract", "Erase", "control/choices"): "used for a customer who made a choice on their page",
    ("retract", "Erase", "control/answers"): "used for a customer who answered on their page",
}


class Role:
    """A function's role, whose permissions can be removed and restored."""

    def __init__(self, cloud, function):
        self.cloud, self.function = cloud, function
        name = cloud.resources[f"{function.title()}Function"]
        configuration = cloud.client("lambda").get_function_configuration(FunctionName=name)
        self.role, self.iam = configuration["Role"].rsplit("/", 1)[1], cloud.client("iam")
        names = self.iam.list_role_policies(RoleName=self.role)["PolicyNames"]
        documents = {name: self.iam.get_role_policy(RoleName=self.role, PolicyName=name)["PolicyDocument"] for name in names}
        # SAM adds a policy for the queue. Its statement has no Sid, but the template's own statements do.
        self.policy, self.whole = next(item for item in documents.items() if "Sid" in item[1]["Statement"][0])

    def permissions(self):
        """Yields the statement's Sid and the resource for each permission."""
        for statement in self.whole["Statement"]:
            for resource in resources_of(statement):
                yield statement["Sid"], resource

    def remove(self, sid, resource):
        """Removes one permission and keeps all others."""
        statements = []
        for statement in self.whole["Statement"]:
            kept = [each for each in resources_of(statement) if (statement["Sid"], each) != (sid, resource)]
            if kept:
                statements.append(statement | {"Resource": kept})
        self.put(self.whole | {"Statement": statements})

    def restore(self):
        self.put(self.whole)

    def put(self, document):
        self.iam.put_role_policy(RoleName=self.role, PolicyName=self.policy, PolicyDocument=json.dumps(document))
        self.cloud.restart(self.function)


def resources_of(statement):
    resources = statement["Resource"]
    return resources if isinstance(resources, list) else [resources]


def is_without_effect(function, sid, resource):
    """Returns whether `WITHOUT_EFFECT` lists a permission."""
    names = ["*", function, *(["a stage"] if function in STAGES else [])]
    return any(name in names and listed == sid and (part == "*" or part in resource)
               for name, listed, part in WITHOUT_EFFECT)


class Snapshot:
    """A copy of the objects of customers, runs and control data, which restores those that a call deletes."""

    PREFIXES = ["customers/", "recalled/", "control/", "runs/"]

    def __init__(self, cloud):
        self.cloud = cloud
        self.objects = {key: cloud.read(key) for key in self.present_keys()}

    def present_keys(self):
        return {key for prefix in self.PREFIXES for key in self.cloud.keys(prefix)}

    def restore(self):
        s3, bucket = self.cloud.client("s3"), self.cloud.bucket
        for key in self.present_keys() - self.objects.keys():
            s3.delete_object(Bucket=bucket, Key=key)
        for key, body in self.objects.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)


NAMED_ERRORS = ["Store.Unavailable", "Secret.Unavailable", "Start.Unavailable", "Runtime.ExitError"]


def call(cloud, function, payloads):
    """Calls a function with each payload until a call fails. Returns whether a call failed, and the last response.

    A payload may be a function that returns a new payload for each call."""
    for payload in payloads:
        failed, answer = cloud.invoke(function, payload() if callable(payload) else payload)
        failed = failed or answer.get("statusCode", 200) >= 400
        if failed:
            break
    return failed, answer


def remove_each(cloud, function, *payloads, prepare=lambda: None):
    """Calls a function without each of its permissions in turn, and then with all of them. Returns the last response and the
    permissions that were removed.

    `prepare` runs before each round of calls."""
    role, removed = Role(cloud, function), []
    try:
        for sid, resource in role.permissions():
            if is_without_effect(function, sid, resource):
                continue
            role.remove(sid, resource)
            prepare()
            failed, answer = call(cloud, function, payloads)
            assert failed, f"{function} works without {sid} on {resource}: {answer}"
            text = json.dumps(answer)
            assert any(name in text for name in NAMED_ERRORS), text
            removed.append((sid, resource))
    finally:
        role.restore()
    prepare()
    failed, answer = call(cloud, function, payloads)
    assert not failed, f"{function} fails with all of its permissions: {answer}"
    return answer, removed


def sample_event(name):
    return json.loads((ROOT / f"events/{name}.json").read_text())


def test_every_function_needs_every_permission(fresh, sample):
    run = fresh.request_without_start("b", sample)
    removed = remove_each_of_stages(fresh, run)

    fresh.set_variables("start", STATE_MACHINE=fresh.workflow)
    bounds = f'budget_usd = 1\ncreated_by = "{"0" * 64}"\n'
    fresh.put_schedule("travel", f'when = "cron(0 8 ? * * 2099)"\n{bounds}')
    event = {"schedule": "travel", "at": "2026-11-23T08:00:00Z"}
    _, removed["start"] = remove_each(fresh, "start", event, sample_event("start-schedule-written"))
    removed["api"] = remove_each_of_api(fresh)

    fresh.configure(SETTINGS + '[delivery]\nlink_base = "https://bank.example/l"\n')
    _, removed["export"] = remove_each(fresh, "export", {"run": run})
    recall, forget = {"recall": {"run": run, "by": "Rita Reyes"}}, {"forget": {"customer": "0001"}}
    _, removed["retract"] = remove_each(fresh, "retract", recall, forget, prepare=Snapshot(fresh).restore)

    # Without a webhook in the settings, `notify` reads the settings and stops, so it does not use any other permission.
    failed, answer = fresh.invoke("notify", sample_event("notify"))
    assert not failed and answer == {"sent": 0, "before": 0, "dead": 0, "withheld": 0}, answer
    assert removed.keys() == set(FUNCTIONS) - {"notify"}
    for function, permissions in removed.items():
        print(f"{function}: needs each of {len(permissions)} permissions")
        assert len(permissions) >= 5, (function, permissions)


def remove_each_of_stages(cloud, run):
    """Runs all stages for one customer in a run. Returns the removed permissions by stage."""
    removed = {}
    merged, removed["merge"] = remove_each(cloud, "merge", {"run": run, "batch": "b", "tolerated_failure_percentage": 5})
    header, first, *_ = (line.split(",") for line in cloud.read(f"runs/{run}/index.csv").decode().splitlines())
    payload = {"run": run, "dataset": merged["dataset"], "row": dict(zip(header, first))}
    assessed, removed["assess"] = remove_each(cloud, "assess", payload)
    assert assessed["next"] == "recommend"
    task = {"run": run, "reference": first[0]}
    for stage in ["recommend", "narrate", "render"]:
        _, removed[stage] = remove_each(cloud, stage, task)
    _, removed["publish"] = remove_each(cloud, "publish", task | {"video": True})
    _, removed["finalize"] = remove_each(cloud, "finalize", {"run": run, "dataset": merged["dataset"]})
    return removed


def remove_each_of_api(cloud):
    """Starts and reads recommendations through the API. Returns the removed permissions."""
    starting, reading = sample_event("api-start-recommendation"), sample_event("api-read-recommendation")
    _, answer = cloud.invoke("api", starting)
    reading["rawPath"] = reading["requestContext"]["http"]["path"] = json.loads(answer["body"])["self"]
    cloud.wait_for_end("call-")
    count = itertools.count()

    def start_another():
        # Each call needs a new idempotency key. The execution fails quickly, because no customer has this id.
        headers = starting["headers"] | {"idempotency-key": str(next(count))}
        return starting | {"headers": headers, "body": '{"customer_id": "unknown"}'}
    _, removed = remove_each(cloud, "api", start_another, reading)
    return removed
