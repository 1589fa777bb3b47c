#!/usr/bin/env python3
"""Checks that verify.py accepts an unchanged run and detects every change to it.

    check.py BESPOKE [MUTATIONS [SEED]]

Runs the sample campaign with one video, has a reviewer approve the first customer, pins the head, and verifies the run. Then
it applies MUTATIONS (1000) random changes to the run's files, one at a time, and simulates an attack by an
operator. Finally, it deletes each control record.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from verify import Folder, Verifier, read_key, read_pinned

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = '[voice]\nengine = "espeak"\n[video]\nresolution = 180\npreset = "ultrafast"\n[review]\nfirst = 1\n[local]\napprove_own = true\n'


# The control records that the ledger covers, and the ledger itself.
CONTROL = ("control/suppressions.csv", "control/suppressions/", "control/consents.csv", "control/holds.csv",
           "control/forgotten/", "control/ledger/")


class Bank:
    """A folder in which the command runs."""

    def __init__(self, bespoke, folder):
        self.bespoke, self.folder = bespoke, folder
        folder.mkdir(exist_ok=True)
        (folder / "bespoke.toml").write_text(SETTINGS)
        self.env = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
                    "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}

    def run(self, *arguments, status=0):
        done = subprocess.run([self.bespoke, *arguments, "--json"], cwd=self.folder, env=self.env, capture_output=True, text=True)
        assert done.returncode == status, f"{arguments}: {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def files(self):
        return Folder(self.folder / "artifacts")


def withdraw(bank):
    """Records one withdrawal of each kind, and has the next run sign the ledger."""
    bank.run("suppress", "--customer", "0002", "--reason", "asked by phone")
    bank.run("consent", "--customer", "0003", "--general", "no", "--posts", "no")
    bank.run("legal-hold", "--customer", "0004", "--name", "Case 7")
    bank.run("forget", "--customer", "0005")
    bank.run("run", "--customer", "0006", "--no-video", "--again", status=6)


def is_later(files, changed):
    """Returns whether a part of the ledger looks like a later state with the same records. Only the keys can disprove it."""
    for path in changed:
        if path.startswith("control/ledger/") and changed[path] != files[path]:
            part, whole = json.loads(changed[path]), json.loads(files[path])
            return part["sequence"] > whole["sequence"] and part["records"] == whole["records"]
    return False


def check_control(bank, run, key, before, chance):
    """Deletes each control record and the ledger, and changes the ledger."""
    withdraw(bank)
    bank.run("pin", "pinned")
    pinned = read_pinned((bank.folder / "pinned/head.json").read_bytes())
    files = bank.files()

    def is_found(changed):
        return not Verifier(changed, run, key, pinned).verify()

    verifier = Verifier(files, run, key, pinned)
    assert verifier.verify(), verifier.findings
    control = [path for path in files if path.startswith(CONTROL)]
    kinds = {path.rsplit("/", 1)[0] for path in control}
    assert kinds == {"control", "control/forgotten", "control/ledger", "control/suppressions"}, kinds
    for path in control:
        assert is_found({name: content for name, content in files.items() if name != path}), f"not found: {path}: delete"
    # An attacker deletes all control data together with the ledger, and restores the ledger from before.
    changed = {name: content for name, content in files.items() if name not in control}
    assert is_found(changed), "not found: no control data"
    changed |= {name: content for name, content in before.items() if name.startswith("control/ledger/")}
    assert is_found(changed), "not found: the earlier ledger"
    ledger = [path for path in control if path.startswith("control/ledger/")]
    mutations = [mutation for mutation in (mutate(files, ledger, before, chance) for _ in range(200)) if mutation]
    for changed, what in mutations:
        assert is_found(changed) or is_later(files, changed), f"not found: {what}"
    print(f"found the deletion of each of {len(control)} control records, and {len(mutations)} mutations of the ledger")


def mutate(files, own, before, chance):
    """Changes one file of the run. Returns the changed files and what was done, or None if nothing changed."""
    path = chance.choice(own)
    whole = files[path]
    kind = chance.choice(["flip", "cut", "delete", "swap", "replay"])
    changed = None
    if kind == "flip":
        at = chance.randrange(len(whole) * 8)
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        changed = bytes(changed)
    elif kind == "cut":
        changed = whole[:chance.randrange(len(whole))]
    elif kind == "swap":
        changed = files[chance.choice(own)]
    elif kind == "replay":
        changed = before.get(path, whole)
    if changed == whole:
        return None
    result = dict(files)
    if changed is None:
        del result[path]
    else:
        result[path] = changed
    return result, f"{path}: {kind}"


def main(bespoke, mutations="1000", seed=None):
    seed = seed or str(random.SystemRandom().randrange(2**32))
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        bank = Bank(bespoke, pathlib.Path(folder))
        run = bank.run("demo", "--videos", "1", status=6)["run"]
        before = bank.files()
        bank.run("review", run, "--approve", "--by", "Rita", "--seen", bank.run("review", run)[0]["content_digest"])
        bank.run("pin", "pinned")
        key = read_key((bank.folder / "pinned/key.pem").read_bytes())
        pinned = read_pinned((bank.folder / "pinned/head.json").read_bytes())

        files = bank.files()
        verifier = Verifier(files, run, key, pinned)
        assert verifier.verify(), verifier.findings
        assert not verifier.excused
        own = [path for path in files if f"/{run}/" in path and not path.startswith("logs/") or path.startswith("log/")]
        print(f"proved {run}: {verifier.compared} files compared; {mutations} mutations of {len(own)} files, seed {seed}")
        done = 0
        while done < int(mutations):
            mutation = mutate(files, own, before, chance)
            if mutation is None:
                continue
            done += 1
            changed, what = mutation
            assert not Verifier(changed, run, key, pinned).verify(), f"not found: {what}"

        # All files of the run are as they were before the approval, and so is the log. They are consistent, but the log is shorter.
        assert Verifier(before, run, key).verify(), "the earlier state was consistent"
        assert not Verifier(before, run, key, pinned).verify(), "not found: the earlier state"
        # The files are the same, but the log is the current one, which has a newer head of the run.
        replayed = dict(before) | {path: files[path] for path in files if path.startswith("log/")}
        assert not Verifier(replayed, run, key).verify(), "not found: the earlier state beside the present log"
        # An attacker signs everything again with another key.
        other = Bank(bespoke, pathlib.Path(folder) / "other")
        forged = other.run("demo", "--videos", "0", status=6)["run"]
        assert not Verifier(other.files(), forged, key).verify(), "not found: another signer"
        check_control(bank, run, key, before, chance)
        print("detected every change")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
