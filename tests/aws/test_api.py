"""Tests of the HTTP API behind its authorizer: a signed-in banker starts a run, follows it and reads its result."""

import json
import urllib.error
import urllib.request

import pytest
from cloud import ROOT, wait_for

BODY = {"customer_id": "0001"}


class Caller:
    """A client of the API: a person in the user pool with a token, or a client without a token if `email` is empty."""

    def __init__(self, cloud, email, groups=("bankers", "campaign-managers")):
        self.cloud, self.token = cloud, self.sign_in(cloud, email, groups) if email else None

    @staticmethod
    def sign_in(cloud, email, groups):
        # The page signs in with an authorization code, which requires a browser. The test uses the flow for administrators.
        users, pool, page = cloud.client("cognito-idp"), cloud.outputs["Users"], cloud.outputs["PageClient"]
        described = users.describe_user_pool_client(UserPoolId=pool, ClientId=page)["UserPoolClient"]
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        unchanged = {key: described[key] for key in ["ClientName", "AllowedOAuthFlows", "AllowedOAuthScopes", "CallbackURLs"]}
        users.update_user_pool_client(UserPoolId=pool, ClientId=page, ExplicitAuthFlows=flows, **unchanged)
        password = "Correct-horse-battery-9"
        users.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS", TemporaryPassword=password,
                                UserAttributes=[{"Name": "email", "Value": email}])
        for group in groups:
            users.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)
        users.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        signed_in = users.admin_initiate_auth(UserPoolId=pool, ClientId=page, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                                              AuthParameters={"USERNAME": email, "PASSWORD": password})
        return signed_in["AuthenticationResult"]["IdToken"]

    def call(self, method, path, body=None, **headers):
        api = self.cloud.resources["HttpApi"]
        address = f"http://127.0.0.1:{self.cloud.port}/_aws/execute-api/{api}/$default{path}"
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")


@pytest.fixture(scope="module")
def batch(published):
    """Uploads the sample as the newest batch."""


def test_call_without_a_valid_token_gets_401(cloud, batch):
    stranger = Caller(cloud, None)
    assert stranger.call("POST", "/v1/recommendations", BODY, idempotency_key="k")[0] == 401
    assert stranger.call("GET", "/v1/recommendations/run-0000000000000000")[0] == 401
    stranger.token = "not.a.token"
    assert stranger.call("POST", "/v1/recommendations", BODY, idempotency_key="k")[0] == 401


def test_only_the_banker_who_started_a_run_sees_its_result(cloud, batch):
    ann, ben = Caller(cloud, "ann@bank.example"), Caller(cloud, "ben@bank.example")
    status, started = ann.call("POST", "/v1/recommendations", BODY, idempotency_key="visit-1")
    assert status == 202, started
    status, again = ann.call("POST", "/v1/recommendations", BODY, idempotency_key="visit-1")
    assert (status, again["id"]) == (200, started["id"])
    address = started["self"]
    assert ben.call("GET", address)[0] == 404

    states = set()

    def ended():
        status, read = ann.call("GET", address)
        assert status == 200, read
        states.add(read["status"])
        return read["status"] not in ["waiting", "running"] and read
    read = wait_for("the end of the run", ended, 600)
    assert read["status"] == "done" and "running" in states, read
    assert read["outcome"] == "published"
    assert "José" in read["text"][0]["body"] and read["offers"] and read["candidates"]
    assert [(stage["stage"], stage["status"]) for stage in read["stages"]] == [
        (stage, "done") for stage in ["merge", "assess", "recommend", "narrate", "render", "publish", "finalize"]]
    _, page = ann.call("GET", f"{address}/events")
    assert page["ended"] and [event["number"] for event in page["events"]] == list(range(1, len(page["events"]) + 1))
    kinds = [event["kind"] for event in page["events"]]
    assert kinds.index("text") < kinds.index("end") == len(kinds) - 1
    _, rest = ann.call("GET", f"{address}/events?after={page['next'] - 1}")
    assert rest["events"] == page["events"][-1:]
    _, history = ann.call("GET", "/v1/recommendations")
    assert [item["id"] for item in history["items"]] == [started["id"]]
    assert ben.call("GET", "/v1/recommendations")[1]["items"] == []
    with urllib.request.urlopen(read["links"]["video"], timeout=60) as video:
        assert video.read()[4:8] == b"ftyp"
    assert cloud.manifest(started["id"])["customers"] == 1


def test_error_names_the_invalid_field(cloud, batch):
    cleo = Caller(cloud, "cleo@bank.example")
    status, problem = cleo.call("POST", "/v1/recommendations", {"customer_id": "0001", "shape": "round"}, idempotency_key="k")
    assert (status, problem["error"]) == (400, "Input.InvalidRequest") and "shape" in problem["detail"]
    assert cleo.call("POST", "/v1/recommendations", BODY)[0] == 400, "the idempotency key is missing"


def test_run_for_an_unknown_customer_fails_with_a_named_error(cloud, batch):
    dan = Caller(cloud, "dan@bank.example")
    _, started = dan.call("POST", "/v1/recommendations", {"customer_id": "unknown"}, idempotency_key="k")

    def ended():
        _, read = dan.call("GET", started["self"])
        return read["status"] == "failed" and read
    assert wait_for("the failure of the run", ended, 120)["reason"]["code"] == "Input.UnknownCustomer"


def test_upload_through_the_api_does_not_start_an_execution(cloud, batch):
    eve = Caller(cloud, "eve@bank.example")
    before = len(cloud.executions())
    status, upload = eve.call("POST", "/v1/uploads", {})
    assert status == 201, upload
    for file in upload["files"]:
        request = urllib.request.Request(file["url"], method="PUT", data=(ROOT / "data" / file["name"]).read_bytes())
        assert urllib.request.urlopen(request, timeout=60).status == 200
    assert {f"incoming/{upload['id']}/{file['name']}" for file in upload["files"]} <= set(cloud.keys("incoming/"))
    assert len(cloud.executions()) == before


def test_page_needs_no_token_but_its_data_requires_one(cloud, batch):
    stranger = Caller(cloud, None)
    api = cloud.resources["HttpApi"]
    address = f"http://127.0.0.1:{cloud.port}/_aws/execute-api/{api}/$default/"
    with urllib.request.urlopen(address, timeout=60) as page:
        assert page.headers["content-type"].startswith("text/html") and "default-src 'none'" in page.headers["content-security-policy"]
    assert stranger.call("GET", "/v1/options")[0] == 401
