"""Tests of a run's export with its links, of a recall and of an erasure."""

import json
import urllib.error
import urllib.request

from cloud import SETTINGS

PUBLIC = {"recommendation.txt", "recommendation.json", "recommendation.mp4", "recommendation.vtt", "poster.jpg", "preview.gif", "render.json"}


def versions(cloud, prefix):
    listed = cloud.client("s3").list_object_versions(Bucket=cloud.bucket, Prefix=prefix)
    return [each["Key"] for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]]


def names(cloud, prefix):
    return {key.rsplit("/", 1)[1] for key in cloud.keys(prefix)}


def open_link(cloud, link):
    """Opens a customer's link without a banker's token. Returns the status and the page."""
    address = f"http://127.0.0.1:{cloud.port}/_aws/execute-api/{cloud.resources['LinksApi']}/$default/l/{link.rsplit('/', 1)[1]}"
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def export_links(fresh, run):
    """Exports a run's table, and checks the table and its links. Returns the links."""
    failed, table = fresh.invoke("export", {"run": run})
    assert not failed and table["next"] is None and len(table["rows"]) == 4, table
    rows = [row for row in table["rows"] if row["outcome"] == "published"]
    assert len(rows) == 2 and all(row["customer_id"] and row["expires"] for row in rows), table
    assert not any(row["customer_id"] or row["link"] for row in table["rows"] if row not in rows), table
    opened = [open_link(fresh, row["link"]) for row in rows]
    assert all(status == 200 for status, _ in opened), opened
    (first,) = (row for row in rows if row["customer_id"] == "0001")
    assert "José" in open_link(fresh, first["link"])[1]

    failed, rest = fresh.invoke("export", {"run": run, "after": table["rows"][-2]["reference"]})
    assert not failed and [row["reference"] for row in rest["rows"]] == [table["rows"][-1]["reference"]], rest
    for wrong in [{"run": run, "after": "0" * 32}, {"run": "run-0000000000000000"}]:
        failed, answer = fresh.invoke("export", wrong)
        assert failed and answer["errorType"] == "Input.InvalidRequest", answer
    return [row["link"] for row in rows]


def test_recall_closes_links_and_erasure_removes_every_version(fresh, sample):
    fresh.configure(SETTINGS + '[delivery]\nlink_base = "https://bank.example/l"\n')
    run = fresh.run_of(fresh.upload_and_wait("b", sample))
    published = [entry["reference"] for entry in fresh.manifest(run)["entries"] if entry["outcome"] == "published"]
    assert len(published) == 2
    folders = [f"customers/{reference}/{run}/" for reference in published]
    assert all(PUBLIC <= names(fresh, folder) for folder in folders)
    links = export_links(fresh, run)

    recall = {"recall": {"run": run, "by": "Rita Reyes", "reason": "A wrong rate"}}
    failed, recalled = fresh.invoke("retract", recall)
    assert not failed and recalled == {"run": run, "customers": 2, "files": 2 * len(PUBLIC)}, recalled
    for reference, folder in zip(published, folders):
        assert "evidence.json" in names(fresh, folder) and not PUBLIC & names(fresh, folder)
        assert PUBLIC == names(fresh, f"recalled/{reference}/{run}/")
    assert fresh.invoke("retract", recall) == (False, recalled), "a repeated recall must return the same result"
    assert all(open_link(fresh, link)[0] == 404 for link in links)

    failed, answer = fresh.invoke("retract", {"forget": {"customer": "unknown"}})
    assert failed and answer["errorType"] == "Input.UnknownCustomer" and not fresh.keys("control/suppressions/"), answer
    failed, answer = fresh.invoke("retract", {"forget": {"customer": "0001", "why": "asked"}})
    assert failed and answer["errorType"] == "Input.InvalidRequest" and "asked" not in json.dumps(answer), answer

    failed, erased = fresh.invoke("retract", {"forget": {"customer": "0001"}})
    assert not failed and erased["runs"] == [run] and erased["objects"] > len(PUBLIC), erased
    reference = erased["reference"]
    (other,) = set(published) - {reference}
    remaining = {key.rsplit("/", 1)[1] for key in versions(fresh, f"customers/{reference}/")}
    assert "evidence.json" in remaining and remaining <= {"evidence.json", "failure.json"}
    assert not versions(fresh, f"recalled/{reference}/") and not versions(fresh, f"control/keys/{reference}")
    assert versions(fresh, f"control/keys/{other}") and PUBLIC == names(fresh, f"recalled/{other}/{run}/")
    assert fresh.keys("control/forgotten/") == [f"control/forgotten/{reference}.json"]
    failed, again = fresh.invoke("retract", {"forget": {"customer": "0001"}})
    assert not failed and (again["at"], again["objects"]) == (erased["at"], 0), again
