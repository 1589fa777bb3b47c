"""Tests of schedules: a file or a call sets a timer, and each due schedule starts a run with its own options."""

import json

from cloud import ROOT, wait_for
from test_api import Caller

# When each sample schedule is due, and its options in the execution's input.
DUE = {"travel": "2027-05-03T13:00:00Z", "savers": "2027-05-03T06:30:00Z", "everyone": "2027-05-03T08:00:00Z"}


def sample_schedule(name):
    return (ROOT / f"data/schedules/{name}.toml").read_text().replace("paused = true", "paused = false")


def due(cloud, name):
    """Invokes `start` with the input of a schedule's timer, as EventBridge Scheduler would."""
    target = cloud.timers()[name]["Target"]
    assert target["Arn"].endswith(f":function:{cloud.resources['StartFunction']}")
    event = target["Input"].replace("<aws.scheduler.scheduled-time>", DUE[name])
    return cloud.invoke("start", json.loads(event))


def test_three_schedules_start_runs_with_their_own_segments_and_settings(cloud, published):
    for name in DUE:
        timer = cloud.put_schedule(name, sample_schedule(name))
        assert timer["State"] == "ENABLED" and timer["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert timer["Target"]["RoleArn"].endswith(f":role/{cloud.resources['SchedulerRole']}")
    assert cloud.timers()["travel"]["ScheduleExpressionTimezone"] == "America/New_York"

    manifests, inputs = {}, {}
    for name in DUE:
        failed, answer = due(cloud, name)
        # It may be night in New York or Berlin while the test runs. Then the quiet hours hold.
        if failed:
            assert answer["errorType"] == "Start.NotNow" and "quiet hours" in answer["errorMessage"], answer
            assert name != "everyone", "this schedule has no quiet hours"
            without = "\n".join(line for line in sample_schedule(name).splitlines() if not line.startswith("quiet_hours"))
            cloud.put_schedule(name, without)
            failed, answer = due(cloud, name)
        assert not failed, answer
        assert due(cloud, name)[1] == answer | {"already": True}, "a second event starts no second run"
        execution = cloud.wait_for_end(f"schedule-{name}-")
        assert execution["status"] == "SUCCEEDED", cloud.history(execution["executionArn"])[-3:]
        described = cloud.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
        inputs[name], manifests[name] = json.loads(described["input"]), cloud.manifest(answer["run"])

    assert (inputs["travel"]["limit"], inputs["travel"]["video"]) == (500, True)
    assert (inputs["savers"]["limit"], inputs["savers"]["video"]) == (None, False)
    assert len({each["run"] for each in inputs.values()}) == 3

    def chosen(name):
        return {each["reference"] for each in manifests[name]["entries"] if each["outcome"] == "published"}
    assert chosen("travel") | chosen("savers") <= chosen("everyone") and len(chosen("everyone")) == 2
    for name in ["travel", "savers"]:
        outside = [each for each in manifests[name]["entries"] if each["reference"] in chosen("everyone") - chosen(name)]
        assert all("outside-segment" in json.dumps(each) for each in outside), outside
    assert chosen("travel") != chosen("savers") or chosen("travel") != chosen("everyone"), "the segments differ"


def test_timer_is_disabled_with_a_pause_and_removed_with_the_file(cloud):
    manager = Caller(cloud, "mona@bank.example", ["campaign-managers"])
    body = {"when": "cron(0 9 ? * TUE *)", "time_zone": "Europe/Berlin", "customer_ids": ["0001"], "segment": "need:saving"}
    status, created = manager.call("PUT", "/v1/schedules/vip", body)
    assert status == 200 and created["next_run"], created
    assert b'"0001"' not in cloud.read("schedules/vip.toml"), "only references are stored"
    timer = wait_for("the timer", lambda: cloud.timers().get("vip"))
    assert (timer["State"], timer["ScheduleExpressionTimezone"]) == ("ENABLED", "Europe/Berlin")

    assert manager.call("POST", "/v1/schedules/vip/pause")[0] == 200
    wait_for("the pause", lambda: cloud.timers()["vip"]["State"] == "DISABLED")
    assert cloud.invoke("start", {"schedule": "vip", "at": "2027-05-04T07:00:00Z"}) == (False, {"outcome": "ignored"})
    assert "next_run" not in manager.call("GET", "/v1/schedules/vip")[1]
    assert manager.call("POST", "/v1/schedules/vip/resume")[0] == 200
    wait_for("the resumption", lambda: cloud.timers()["vip"]["State"] == "ENABLED")

    assert manager.call("DELETE", "/v1/schedules/vip") == (204, None)
    wait_for("the removal", lambda: "vip" not in cloud.timers())
    failed, answer = cloud.invoke("start", {"schedule": "vip", "at": "2027-05-04T07:00:00Z"})
    assert failed and answer["errorType"] == "Input.InvalidRequest", answer
    banker = Caller(cloud, "bob@bank.example", ["bankers"])
    assert banker.call("PUT", "/v1/schedules/vip", body)[0] == 403


def test_customer_id_in_a_file_is_refused_without_repeating_it(cloud):
    text = 'when = "rate(7 days)"\ncustomers = ["4711-0815"]\n'
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key="schedules/clear.toml", Body=text.encode())
    lines = wait_for("the error", lambda: [line for line in cloud.logs() if "schedule clear: line 2" in line])
    assert "not a valid customer reference" in lines[0]
    assert not any("4711-0815" in line for line in cloud.logs())
    assert "clear" not in cloud.timers()
