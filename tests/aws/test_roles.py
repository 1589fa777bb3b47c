"""Tests of roles on AWS: people may call only the operations that their user pool groups allow. All other calls get status
403."""

import json
import urllib.request

import pytest
from test_api import Caller

BANKER, MANAGER, REVIEWER, COMPLIANCE = "banker", "campaign-manager", "reviewer", "compliance"
GROUPS = {BANKER: "bankers", MANAGER: "campaign-managers", REVIEWER: "reviewers", COMPLIANCE: "compliance"}
NOBODY = "0" * 32
ROUTES = [
    ("POST", "/v1/recommendations", {BANKER}),
    ("GET", "/v1/recommendations", {BANKER}),
    ("GET", "/v1/recommendations/run-0", {BANKER, MANAGER}),
    ("GET", "/v1/recommendations/run-0/events", {BANKER, MANAGER}),
    ("POST", "/v1/recommendations/run-0/recall", {COMPLIANCE}),
    ("POST", "/v1/uploads", {MANAGER}),
    ("POST", "/v1/campaigns", {MANAGER}),
    ("GET", "/v1/campaigns", {MANAGER}),
    ("GET", "/v1/campaigns/run-0", {MANAGER}),
    ("GET", "/v1/campaigns/run-0/customers", {MANAGER}),
    ("GET", "/v1/schedules", {MANAGER}),
    ("GET", "/v1/schedules/none", {MANAGER}),
    ("PUT", "/v1/schedules/none", {MANAGER}),
    ("DELETE", "/v1/schedules/none", {MANAGER}),
    ("POST", "/v1/schedules/none/pause", {MANAGER}),
    ("POST", "/v1/schedules/none/resume", {MANAGER}),
    ("GET", "/v1/reviews", {REVIEWER}),
    ("POST", f"/v1/reviews/run-0/{NOBODY}", {REVIEWER}),
    ("POST", "/v1/erasures", {COMPLIANCE}),
    ("POST", "/v1/suppressions", {COMPLIANCE}),
    ("POST", "/v1/letters", {COMPLIANCE}),
    ("GET", "/v1/options", set(GROUPS)),
    ("GET", "/v1/catalogue", set(GROUPS)),
]


@pytest.fixture(scope="module")
def staff(cloud, published):
    """Returns one caller for each role, and one without roles."""
    people = {role: Caller(cloud, f"{role}@roles.example", [group]) for role, group in GROUPS.items()}
    return people | {"none": Caller(cloud, "none@roles.example", [])}


@pytest.mark.parametrize(("method", "path", "allowed"), ROUTES)
def test_route_accepts_only_its_roles(staff, method, path, allowed):
    for role, person in staff.items():
        # The body is invalid, so even an allowed call starts nothing.
        status, answer = person.call(method, path, {"unknown": True} if method in ("POST", "PUT") else None, idempotency_key="k")
        if role in allowed:
            assert status not in (401, 403), (role, answer)
        else:
            assert (status, answer["error"]) == (403, "Access.Forbidden"), (role, answer)
            assert all(name in answer["detail"] for name in allowed), answer


def test_table_covers_every_operation_on_aws(cloud):
    api = cloud.resources["HttpApi"]
    reader = Caller(cloud, "reader@roles.example", ["bankers"])
    status, document = reader.call("GET", "/v1/openapi.json")
    assert status == 200, api
    operations = {(method.upper(), path.count("/"))
                  for path, methods in document["paths"].items() for method, operation in methods.items()
                  if "local" not in operation["tags"]}
    assert operations == {(method, path.count("/")) for method, path, _ in ROUTES}
    count = sum(len([m for m, o in methods.items() if "local" not in o["tags"]]) for methods in document["paths"].values())
    assert count == len(ROUTES)


def test_page_knows_where_to_sign_in(cloud):
    address = f"http://127.0.0.1:{cloud.port}/_aws/execute-api/{cloud.resources['HttpApi']}/$default/sign-in.json"
    with urllib.request.urlopen(address, timeout=60) as response:
        sign_in = json.loads(response.read())
    assert sign_in == {"address": cloud.outputs["SignInAddress"], "client": cloud.outputs["PageClient"]}
