"""Tests of the workflow from an upload or a schedule to published videos."""

import itertools
import json
import os
import re
import subprocess
import threading

import pytest
from cloud import PASSWORD, PROGRAM, ROOT, SETTINGS, WORKBOOKS, entered_states, task_results, wait_for

# For a customer whose result is published, the tasks are assess, recommend, narrate, render and publish. For a skipped
# customer, they are assess and publish.
PUBLISHED, SKIPPED = ["succeeded"] * 5, ["succeeded"] * 2


def test_upload_publishes_videos(cloud, published):
    assert published["status"] == "SUCCEEDED", cloud.history(published["executionArn"])[-3:]
    manifest = cloud.manifest(published["run"])
    assert manifest["counts"] == {"published": 2, "skipped": 2}
    for entry in manifest["entries"]:
        files = {key.rsplit("/", 1)[1] for key in cloud.keys(f"customers/{entry['reference']}/{published['run']}/")}
        video = {"recommendation.mp4", "recommendation.vtt", "poster.jpg", "preview.gif", "recommendation.txt"}
        if entry["outcome"] == "published":
            assert video <= files
        else:
            assert not video & files
        assert "evidence.json" in files
    assert f"runs/{published['run']}/manifest.csv" in cloud.keys("runs/")


def test_execution_history_shows_states_and_tasks(cloud, published):
    assert entered_states(cloud.history(published["executionArn"])) == [
        "Defaults", "Merge", "AccountLimits", "Customers", "Finalize", "IsDryRun", "Announce", "Succeeded"]
    results = sorted(task_results(child["history"]) for child in cloud.children(published["executionArn"]))
    assert results == sorted([PUBLISHED, PUBLISHED, SKIPPED, SKIPPED])


def test_histories_and_logs_contain_no_personal_data(cloud, published, sample):
    histories = [cloud.history(published["executionArn"])]
    histories += [child["history"] for child in cloud.children(published["executionArn"])]
    text = json.dumps(histories, default=str) + "\n".join(cloud.logs())
    for personal in ["José", "Jos\\u00e9", "Thảo", "Th\\u1ea3o", "\"0001\"", PASSWORD, "meridian-demo"]:
        assert personal not in text, personal
    assert published["run"] in text, "the searched text must contain the histories and logs"


def test_logs_contain_run_customer_stage_and_duration(cloud, published):
    lines = [json.loads(line) for line in cloud.logs() if line.startswith("{")]
    done = [line for line in lines if line.get("message") == "stage done"]
    stages = {line["span"]["stage"] for line in done if line["span"].get("run") == published["run"]}
    assert stages == {"merge", "assess", "recommend", "narrate", "render", "publish", "finalize"}
    assert all(line["seconds"] >= 0 for line in done)
    with_customer = [line for line in done if line["span"]["stage"] == "render"]
    assert all(re.fullmatch("[0-9a-f]{32}", line["span"]["reference"]) for line in with_customer)
    metrics = [line for line in lines if "_aws" in line]
    names = {metric["Name"] for line in metrics for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {"StageSeconds", "Published", "Skipped"} <= names


def test_progress_records_every_stage(cloud, published):
    entries = cloud.manifest(published["run"])["entries"]
    customer = next(entry["reference"] for entry in entries if entry["outcome"] == "published")
    keys = cloud.keys(f"customers/{customer}/{published['run']}/progress/")
    steps = [key.rsplit("/", 1)[1].removesuffix(".json").split("-", 1)[1] for key in sorted(keys)]
    stages = ["assess", "recommend", "narrate", "render", "publish"]
    assert steps == [f"{stage}-{kind}" for stage in stages for kind in ["started", "done"]]
    step = json.loads(cloud.read(keys[-1]))
    assert (step["stage"], step["kind"]) == ("publish", "done")
    run = [key.rsplit("-", 2)[1] for key in sorted(cloud.keys(f"runs/{published['run']}/progress/"))]
    assert run == ["merge", "merge", "finalize", "finalize"]


def test_repeated_uploads_do_not_start_a_second_execution(cloud, published, sample):
    before, already = [each["name"] for each in cloud.executions()], lines_of_start(cloud)
    for number, order in enumerate(itertools.permutations(WORKBOOKS)):
        cloud.upload(f"order-{number}", sample, [*order, *order])
    uploads = [threading.Thread(target=cloud.upload, args=("at-once", sample, [name])) for name in WORKBOOKS * 2]
    for upload in uploads:
        upload.start()
    for upload in uploads:
        upload.join()
    # Every upload causes one event, and `start` logs one line for each event.
    events = 6 * len(uploads) + len(uploads)
    wait_for("every event", lambda: lines_of_start(cloud) == already + events)
    assert [each["name"] for each in cloud.executions()] == before, "the execution's name is derived from the upload's digest"


def lines_of_start(cloud):
    """Returns the number of lines that `start` has logged for uploads that did not start an execution."""
    return sum("had already been started" in line or "waiting for the missing workbooks" in line for line in cloud.logs())


def test_schedule_starts_one_run_per_scheduled_time(cloud, published):
    cloud.put_schedule("campaign", 'when = "cron(0 8 ? * MON 2099)"\n')
    event = {"schedule": "campaign", "at": "2026-11-23T08:00:00Z"}
    for already in [False, True]:
        failed, answer = cloud.invoke("start", event)
        assert not failed, answer
        assert answer["already"] == already
    execution = cloud.wait_for_end("schedule-campaign-20261123T080000Z-0")
    assert execution["status"] == "SUCCEEDED"
    run = cloud.run_of(execution)
    assert run != published["run"] and cloud.manifest(run)["counts"] == {"published": 2, "skipped": 2}


def test_incomplete_batch_is_not_reported_immediately(cloud, sample):
    already = lines_of_start(cloud)
    cloud.upload("half", sample, WORKBOOKS[:1])
    wait_for("the event", lambda: lines_of_start(cloud) == already + 1)
    failed, answer = cloud.invoke("start", {"look_for": "incomplete-batches"})
    assert not failed and answer["outcome"] == "looked", answer
    assert answer["incomplete"] == [], "a batch is reported after six hours, which the function's own tests cover"


@pytest.mark.skipif(not os.environ.get("WHOLE"), reason="takes minutes; `make aws-test` runs it")
def test_review_publishes_only_approved_results(fresh, sample, tmp_path):
    settings = SETTINGS + "[review]\nevery = 1\n"
    fresh.configure(settings)
    # The run ends while both results are in review, because they do not keep the map running.
    execution = fresh.upload_and_wait("b", sample)
    assert execution["status"] == "SUCCEEDED", fresh.history(execution["executionArn"])[-3:]
    run = fresh.run_of(execution)
    assert fresh.manifest(run)["counts"] == {"in-review": 2, "skipped": 2}
    waiting = [key for key in fresh.keys(f"control/reviews/{run}/") if key.endswith(".json")]
    approved = waiting[0].rsplit("/", 1)[1].removesuffix(".json")
    assert not [key for key in fresh.keys("customers/") if key.endswith(f"{run}/recommendation.txt")]

    # Settings that are replaced later do not affect this run.
    fresh.configure(SETTINGS + "[review]\nevery = 2\n")
    approve(fresh, sample, tmp_path, settings, run, approved)
    evidence = f"customers/{approved}/{run}/evidence.json"
    wait_for("the evidence of the approved result", lambda: evidence in fresh.keys(f"customers/{approved}/"), 60)
    assert json.loads(fresh.read(evidence))["review"]["by"].endswith(" on behalf of Ann")
    assert len([key for key in fresh.keys("customers/") if key.endswith(f"{run}/recommendation.txt")]) == 1
    refreshes = wait_for("a refresh", lambda: fresh.client("stepfunctions").list_executions(
        stateMachineArn=fresh.resources["Refresh"])["executions"])
    assert refreshes[0]["name"].startswith(run)
    failed, answer = fresh.invoke("finalize", {"run": run, "dataset": None, "refresh": True})
    assert not failed and answer == {"refreshed": True}, answer
    assert fresh.manifest(run)["counts"] == {"in-review": 1, "published": 1, "skipped": 2}


@pytest.mark.skipif(not os.environ.get("WHOLE"), reason="takes minutes; `make aws-test` runs it")
def test_deployment_does_not_affect_a_running_execution(fresh, other_rows, tmp_path):
    # The first version's voice engine waits until the second version is deployed.
    engine, go = tmp_path / "espeak-ng", tmp_path / "go"
    engine.write_text(f'#!/bin/sh\nwhile [ ! -e "{go}" ]; do sleep 0.1; done\nexec espeak-ng "$@"\n')
    engine.chmod(0o755)
    fresh.configure()
    before = fresh.set_variables("narrate", ESPEAK_PATH=str(engine))
    try:
        known = {each["name"] for each in fresh.executions()}
        fresh.upload("mid", other_rows)
        started = wait_for("an execution", lambda: [each for each in fresh.executions() if each["name"] not in known])[0]
        run = fresh.run_of(started)
        wait_for("the first script", lambda: [key for key in fresh.keys("customers/") if key.endswith(f"{run}/script.json")])
        # The new version uses a voice engine that does not exist, and the new settings request another speaking rate.
        fresh.set_variables("narrate", ESPEAK_PATH=str(tmp_path / "missing"))
        fresh.configure(SETTINGS + "words_per_minute = 200\n")
    finally:
        go.touch()
    execution = fresh.wait_for_end(started["name"])
    assert execution["status"] == "SUCCEEDED" and fresh.manifest(run)["counts"] == {"published": 2, "skipped": 2}
    fresh.set_variables("narrate", **before)
    fresh.configure()


def approve(cloud, sample, folder, settings, run, customer):
    """Approves a customer's result with the command, on a copy of the bucket, and uploads only the decision."""
    artifacts = folder / "artifacts"
    for key in cloud.keys():
        if key.startswith(("customers/", "control/", "runs/")):
            (artifacts / key).parent.mkdir(parents=True, exist_ok=True)
            (artifacts / key).write_bytes(cloud.read(key))
    (folder / "bespoke.toml").write_text(settings)
    keys = {"BESPOKE_DATA_KEY": cloud.secret("DataKey"), "BESPOKE_REFERENCE_KEY": cloud.secret("ReferenceKey")}
    folders = ["--data", sample, "--assets", ROOT / "assets", "--artifacts", artifacts]
    command = [PROGRAM, "review", run, "--customer", customer, "--json", *folders]
    shown = subprocess.run(command, cwd=folder, env=os.environ | keys, capture_output=True, text=True, check=True)
    seen = json.loads(shown.stdout)[0]["content_digest"]
    command = [PROGRAM, "review", run, "--customer", customer, "--approve", "--seen", seen, "--by", "Ann", *folders]
    done = subprocess.run(command, cwd=folder, env=os.environ | keys, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    decision = f"control/decisions/{run}/{customer}.json"
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=decision, Body=(artifacts / decision).read_bytes())


@pytest.mark.skipif(not os.environ.get("WHOLE"), reason="takes minutes; `make aws-test` runs it")
def test_sample_data_has_the_same_outcomes_as_on_one_machine(cloud, tmp_path):
    execution = cloud.upload_and_wait("data", ROOT / "data", seconds=1800)
    assert execution["status"] == "SUCCEEDED"
    manifest = cloud.manifest(cloud.run_of(execution))
    command = [PROGRAM, "demo", "--videos", "0", "--artifacts", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    local = json.loads(next((tmp_path / "runs").glob("*/manifest.json")).read_text())
    assert manifest["counts"] == local["counts"] and manifest["customers"] == 12
    videos = [key for key in cloud.keys("customers/") if key.endswith(f"{manifest['run']}/recommendation.mp4")]
    assert len(videos) == manifest["counts"]["published"]
