"""A run that is taken back, and a customer who is forgotten, on the emulator."""

import json

PUBLIC = {"recommendation.txt", "recommendation.mp4", "recommendation.vtt", "poster.jpg", "preview.gif", "render.json"}


def versions(cloud, prefix):
    listed = cloud.client("s3").list_object_versions(Bucket=cloud.bucket, Prefix=prefix)
    return [each["Key"] for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]]


def names(cloud, prefix):
    return {key.rsplit("/", 1)[1] for key in cloud.keys(prefix)}


def test_a_run_is_taken_back_and_a_customer_forgotten_with_every_version(fresh, sample):
    run = fresh.run_of(fresh.uploaded("b", sample))
    published = [entry["reference"] for entry in fresh.manifest(run)["entries"] if entry["outcome"] == "published"]
    assert len(published) == 2
    folders = [f"customers/{reference}/{run}/" for reference in published]
    assert all(PUBLIC <= names(fresh, folder) for folder in folders)

    recall = {"recall": {"run": run, "by": "Rita Reyes", "reason": "A wrong rate"}}
    failed, told = fresh.invoke("takeback", recall)
    assert not failed and told == {"run": run, "customers": 2, "files": 2 * len(PUBLIC)}, told
    for reference, folder in zip(published, folders):
        assert "evidence.json" in names(fresh, folder) and not PUBLIC & names(fresh, folder)
        assert PUBLIC == names(fresh, f"recalled/{reference}/{run}/")
    assert fresh.invoke("takeback", recall) == (False, told), "again"

    failed, answer = fresh.invoke("takeback", {"forget": {"customer": "nobody"}})
    assert failed and answer["errorType"] == "Input.UnknownCustomer" and not fresh.keys("control/suppressions/"), answer
    failed, answer = fresh.invoke("takeback", {"forget": {"customer": "0001", "why": "asked"}})
    assert failed and answer["errorType"] == "Input.InvalidRequest" and "asked" not in json.dumps(answer), answer

    failed, erased = fresh.invoke("takeback", {"forget": {"customer": "0001"}})
    assert not failed and erased["runs"] == [run] and erased["objects"] > len(PUBLIC), erased
    gone = erased["reference"]
    (kept,) = set(published) - {gone}
    kept_of = {key.rsplit("/", 1)[1] for key in versions(fresh, f"customers/{gone}/")}
    assert "evidence.json" in kept_of and kept_of <= {"evidence.json", "failure.json"}
    assert not versions(fresh, f"recalled/{gone}/") and not versions(fresh, f"control/keys/{gone}")
    assert versions(fresh, f"control/keys/{kept}") and PUBLIC == names(fresh, f"recalled/{kept}/{run}/")
    assert fresh.keys("control/forgotten/") == [f"control/forgotten/{gone}.json"]
    failed, again = fresh.invoke("takeback", {"forget": {"customer": "0001"}})
    assert not failed and (again["at"], again["objects"]) == (erased["at"], 0), again
