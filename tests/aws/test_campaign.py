"""Tests of the workflow under the faults of a real campaign, on an independent interpreter with fake functions."""

import threading

import fakes
import pytest


@pytest.fixture
def interpreter(monkeypatch):
    with fakes.interpreter(monkeypatch) as started:
        yield started


def test_campaign_without_faults_publishes_every_result(interpreter):
    bank = fakes.Bank(12)
    execution = interpreter.run(bank)
    assert execution["status"] == "SUCCEEDED"
    assert set(bank.records.values()) == {"published"} and len(bank.records) == 12
    assert [event["DetailType"] for event in bank.events] == ["Run ended"]


def test_campaign_stops_if_every_render_fails(interpreter):
    bank = fakes.Bank(60)
    bank.fail = lambda stage, payload: "Render.AssetBroken" if stage == "render" else None
    execution = interpreter.run(bank, concurrency=3)
    assert execution["status"] == "FAILED"
    # Four failures among 60 customers are tolerated. Children that are running at the fifth failure may still call Polly.
    assert bank.count("narrate") < 15, "the map must stop before Polly has narrated for all customers"
    assert "published" not in bank.records.values()
    assert bank.count("finalize") == 1 and bank.events, "the manifest is written and announced"


def test_few_failures_do_not_stop_the_campaign(interpreter):
    bank = fakes.Bank(12)
    broken = set(bank.customers[:2])
    bank.fail = lambda stage, payload: "Render.MissingGlyph" if stage == "render" and payload["reference"] in broken else None
    execution = interpreter.run(bank)
    assert execution["status"] == "SUCCEEDED"
    assert [bank.records[each] for each in bank.customers] == ["failed"] * 2 + ["published"] * 10


def test_failure_that_cannot_be_recorded_still_counts(interpreter):
    bank = fakes.Bank(40)
    bank.fail = lambda stage, payload: "Render.AssetBroken" if stage == "render" else None
    publish = bank.publish
    bank.publish = lambda payload: (_ for _ in ()).throw(fakes.StageError("Seal.Broken")) if "failure" in payload else publish(payload)
    execution = interpreter.run(bank, concurrency=3)
    assert execution["status"] == "FAILED" and bank.count("narrate") < 15


def test_account_with_ten_functions_loses_no_customers(interpreter):
    bank = fakes.Bank(30, limit=10)
    execution = interpreter.run(bank, concurrency=50)
    assert execution["status"] == "SUCCEEDED"
    assert set(bank.records.values()) == {"published"} and len(bank.records) == 30
    assert bank.peak <= 6 and bank.refused == 0, "four functions must stay free for start, the API and notifications"


def test_refused_calls_are_repeated_until_they_succeed(interpreter):
    bank = fakes.Bank(8)
    refusals = dict.fromkeys(bank.customers, 30)
    lock = threading.Lock()

    def refuse(stage, payload):
        with lock:
            if stage == "narrate" and refusals[payload["reference"]]:
                refusals[payload["reference"]] -= 1
                raise fakes.Throttled
    bank.fail = refuse
    execution = interpreter.run(bank)
    assert execution["status"] == "SUCCEEDED" and set(bank.records.values()) == {"published"}


def test_throttled_narration_waits_instead_of_changing_the_voice(interpreter):
    bank = fakes.Bank(8)
    left = dict.fromkeys(bank.customers, 20)

    def throttle(stage, payload):
        if stage == "narrate" and left[payload["reference"]]:
            left[payload["reference"]] -= 1
            return "Narrate.Throttled"
        return None
    bank.fail = throttle
    execution = interpreter.run(bank)
    assert execution["status"] == "SUCCEEDED" and set(bank.records.values()) == {"published"}


def test_result_in_review_ends_its_child_execution(interpreter):
    bank = fakes.Bank(10)
    bank.held = set(bank.customers)
    execution = interpreter.run(bank, concurrency=2)
    assert execution["status"] == "SUCCEEDED", "the run has a manifest even before anyone has decided"
    assert set(bank.records.values()) == {"in-review"} and bank.count("finalize") == 1


def test_run_with_a_limit_stops_at_the_limit(interpreter):
    bank = fakes.Bank(30)
    execution = interpreter.run(bank, limit=3, concurrency=1)
    assert execution["status"] == "SUCCEEDED"
    assert list(bank.records.values()) == ["published"] * 3


def test_dry_run_only_assesses(interpreter):
    bank = fakes.Bank(10)
    assert interpreter.run(bank, dry_run=True)["status"] == "SUCCEEDED"
    assert {stage for stage, _ in bank.calls} == {"merge", "assess", "finalize"} and not bank.records
    assert bank.calls[-1][1]["dry_run"] and not bank.events, "a forecast has no outcomes to announce"


def test_text_only_run_makes_no_videos(interpreter):
    bank = fakes.Bank(3)
    assert interpreter.run(bank, video=False)["status"] == "SUCCEEDED"
    assert bank.count("narrate") == bank.count("render") == 0
    assert [payload["video"] for stage, payload in bank.calls if stage == "publish"] == [False] * 3


def test_decisions_within_five_minutes_rewrite_the_manifest_once(interpreter):
    bank = fakes.Bank(3)
    bank.finalize = lambda payload: {"refreshed": payload["refresh"]}
    execution = interpreter.run(bank, "refresh", at="2026-11-30T08:05:00Z")
    assert execution["status"] == "SUCCEEDED"
    assert [stage for stage, _ in bank.calls] == ["finalize"] and len(bank.events) == 1


def test_refresh_during_a_campaign_announces_nothing(interpreter):
    bank = fakes.Bank(3)
    bank.finalize = lambda payload: {"refreshed": False}
    assert interpreter.run(bank, "refresh", at="2026-11-30T08:05:00Z")["status"] == "SUCCEEDED"
    assert not bank.events


def test_recall_writes_its_record_before_it_moves_files(interpreter):
    bank = fakes.Bank(8)
    execution = interpreter.run(bank, "recall", by="Rita", reason="A wrong rate")
    assert execution["status"] == "SUCCEEDED"
    assert "record-recall" in bank.calls[0][1] and bank.calls[0][1]["record-recall"]["reason"] == "A wrong rate"
    moved = [row["reference"] for _, payload in bank.calls[1:] for row in payload["move-recalled"]["rows"]]
    assert sorted(moved) == bank.customers


def test_repeating_an_interrupted_recall_completes_it(interpreter):
    bank = fakes.Bank(8)
    left = {"attempts": 1}

    def refuse(stage, payload):
        if "move-recalled" in payload and left["attempts"]:
            left["attempts"] -= 1
            return "Seal.Broken"
        return None
    bank.fail = refuse
    assert interpreter.run(bank, "recall", by="Rita", reason="A wrong rate")["status"] != "RUNNING"
    again = fakes.Bank(8)
    assert interpreter.run(again, "recall", by="Rita", reason="A wrong rate")["status"] == "SUCCEEDED"
    assert again.count("retract") > 1


def test_execution_input_from_an_earlier_version_still_works(interpreter):
    bank = fakes.Bank(2)
    execution = interpreter.run(bank, whole={"run": fakes.RUN, "batch": "monday", "concurrency": 2})
    assert execution["status"] == "SUCCEEDED" and set(bank.records.values()) == {"published"}
