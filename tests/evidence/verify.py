#!/usr/bin/env python3
"""Verifies a run of Bespoke with only a public key, a pinned head and the files.

    verify.py ARTIFACTS RUN --key key.pem [--head head.json]

This program shares no code with Bespoke. It has no secrets and cannot open sealed data, but it proves that every file
is the one that the signed head covers. `bespoke pin` writes the key and the head. Keep both in a place that the operator cannot
write to. The exit status is 0 if the run is verified, and 1 otherwise.

The proof works as follows: the key signed a checkpoint of the log (RFC 6962), and the log extends the pinned head. The
log's newest entry for the run contains the digests of the files under runs/<run>/. manifest.json chains the digests of the
customers' records, and each record contains the digests of the customer's files.

The newest head also covers the ledger of control data, which lists the suppressions, choices and erasure records that must
exist. This program finds deleted ones. It cannot check a state of the ledger that is newer than the head.

Files may be missing after an opt-out, a recall or an erasure. Only the bank's keys show whether such a control record is
genuine, so this program lists these files as excused.
"""

import argparse
import base64
import binascii
import csv
import hashlib
import io
import json
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

ORIGIN = "bespoke/log"
HEAD_FILES = ["index.csv", "manifest.csv", "manifest.json", "request.json", "settings.json"]
ARTIFACTS = {
    "facts": "facts.json", "script": "script.json", "narration-audio": "narration.wav", "cues": "cues.json",
    "video": "recommendation.mp4", "captions": "recommendation.vtt", "poster": "poster.jpg", "preview": "preview.gif",
    "render-record": "render.json", "text": "recommendation.txt", "page": "recommendation.json",
    "evidence": "evidence.json", "failure": "failure.json",
}
PUBLISHED = {"render-record", "video", "captions", "poster", "preview", "text", "page"}


class Folder(dict):
    """The files of a folder by their path within it."""

    def __init__(self, root):
        root = pathlib.Path(root)
        super().__init__((path.relative_to(root).as_posix(), path.read_bytes())
                         for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


class Wrong(Exception):
    """A malformed file."""


def digest(data):
    return hashlib.sha256(data).hexdigest()


def digest_of_parts(*parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(struct.pack(">Q", len(part)) + part)
    return whole.digest()


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def tree_hash(leaves):
    """Returns the Merkle tree hash as defined in RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_hash(leaves[:middle]) + tree_hash(leaves[middle:])).digest()


class Growing:
    """A tree to which leaves are added one by one: the hashes of its perfect subtrees, the largest first."""

    def __init__(self):
        self.size, self.subtrees = 0, []

    def push(self, leaf):
        size = self.size
        while size & 1:
            leaf = hashlib.sha256(b"\1" + self.subtrees.pop() + leaf).digest()
            size >>= 1
        self.subtrees.append(leaf)
        self.size += 1

    def root(self):
        root = self.subtrees[-1]
        for left in reversed(self.subtrees[:-1]):
            root = hashlib.sha256(b"\1" + left + root).digest()
        return root


def parse_json(data):
    """Parses JSON in UTF-8. Rejects duplicate names."""
    def unique(pairs):
        names = [name for name, _ in pairs]
        if len(names) != len(set(names)):
            raise ValueError("a duplicate name")
        return dict(pairs)
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Wrong("not JSON") from error


def field(value, name, kind):
    if not isinstance(value, dict) or not isinstance(value.get(name), kind):
        raise Wrong(f"no field {name}")
    return value[name]


class Checkpoint:
    """A signed statement about the size and the root of the log (C2SP tlog-checkpoint)."""

    def __init__(self, text):
        try:
            statement, signatures = text.split("\n\n")
            origin, size, root = statement.split("\n")
            name, signature = signatures.removeprefix("\N{EM DASH} ").removesuffix("\n").split(" ")
            self.size, self.root = int(size), base64.b64decode(root, validate=True)
            self.signature = base64.b64decode(signature, validate=True)
        except (ValueError, binascii.Error) as error:
            raise Wrong("not a checkpoint") from error
        self.statement = statement + "\n"
        written = f"{ORIGIN}\n{self.size}\n{base64.b64encode(self.root).decode()}\n\n\N{EM DASH} {ORIGIN} " \
                  f"{base64.b64encode(self.signature).decode()}\n"
        if text != written or self.size < 0 or len(self.root) != 32 or len(self.signature) != 68:
            raise Wrong("not a checkpoint")

    def is_signed_by(self, key):
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        if self.signature[:4] != hashlib.sha256(ORIGIN.encode() + b"\n\1" + raw).digest()[:4]:
            return False
        try:
            key.verify(self.signature[4:], self.statement.encode())
        except InvalidSignature:
            return False
        return True


class Entry:
    """An entry of the log."""

    def __init__(self, data):
        value = parse_json(data)
        self.leaf = field(value, "leaf", str)
        self.path = [str(part) for part in field(value, "path", list)]
        self.checkpoint = Checkpoint(field(value, "checkpoint", str))
        written = {"leaf": self.leaf, "path": self.path, "checkpoint": field(value, "checkpoint", str)}
        # Lone surrogates cannot be encoded in UTF-8, so they cannot be part of an entry.
        if data != (json.dumps(written, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace"):
            raise Wrong("not an entry of the log")


def read_pinned(data):
    """Reads a pinned head: an entry of the log, or the text of a checkpoint."""
    try:
        return Entry(data).checkpoint
    except Wrong:
        return Checkpoint(data.decode("utf-8", "replace"))


class Verifier:
    """Verifies one run. `findings` lists the discrepancies, `excused` the missing files that a control record explains."""

    def __init__(self, files, run, key, pinned=None):
        self.files, self.run, self.key, self.pinned = files, run, key, pinned
        self.findings, self.excused, self.size, self.index, self.compared = [], [], 0, None, 0
        self.control = {}

    def wrong(self, path, what):
        self.findings.append(f"{path}: {what}")

    def verify(self):
        """Returns whether the run is verified."""
        head = self.check_log()
        self.check_control()
        if head is not None:
            self.check_run(head)
        return not self.findings

    def check_log(self):
        """Checks the log against its leaves, the key and the pinned head. Returns the run's newest head."""
        leaves, heads, newest, tree = [], [], None, Growing()
        for path in sorted(path for path in self.files if path.startswith("log/")):
            if path != f"log/{len(leaves):012}.json":
                self.wrong(path, "does not follow the entry before it")
                break
            try:
                entry = Entry(self.files[path])
            except Wrong as error:
                self.wrong(path, error)
                break
            # The path of the last leaf consists of all earlier subtrees, the smallest first.
            expected = [part.hex() for part in reversed(tree.subtrees)]
            leaves.append(leaf_hash(entry.leaf.encode()))
            tree.push(leaves[-1])
            stated = (entry.checkpoint.size, entry.checkpoint.root)
            if stated != (tree.size, tree.root()) or entry.path != expected:
                self.wrong(path, "does not follow from the leaves of the log")
            if not entry.checkpoint.is_signed_by(self.key):
                self.wrong(path, "was not signed with the public key")
            newest = entry
            try:
                head = parse_json(entry.leaf.encode())
                self.add_control(path, head.get("control", {}))
                if field(head, "run", str) == self.run:
                    heads.append((len(leaves) - 1, head))
            except (Wrong, AttributeError, LookupError, TypeError) as error:
                self.wrong(path, f"is malformed: {error}")
        self.size = len(leaves)
        if newest and newest.checkpoint.root != tree_hash(leaves):
            self.wrong("log/", "its root is not the hash of its leaves")
        if self.pinned:
            self.check_pinned(leaves)
        if not heads:
            self.wrong(f"runs/{self.run}/head.json", "the log has no head of the run")
            return None
        self.index, head = heads[-1]
        if self.pinned and self.index >= self.pinned.size:
            self.wrong(f"log/{self.index:012}.json", "the run's head was signed after the pinned head")
        copies = [self.files.get(f"log/{index:012}.json") for index, earlier in heads if states_the_same(earlier, head)]
        if self.files.get(f"runs/{self.run}/head.json") not in copies:
            self.wrong(f"runs/{self.run}/head.json", "is not the run's newest head in the log")
        return head

    def add_control(self, path, control):
        """Checks that each part of the ledger has the same state as in the preceding head, or a later one."""
        for name, mark in self.control.items():
            if not follows(control.get(name), mark):
                self.wrong(path, "names a state of control data that does not follow the one before it")
        self.control = control

    def check_control(self):
        """Compares the ledger with the newest head, and the control data with the ledger."""
        for name, mark in self.control.items():
            path = f"control/ledger/{name}.json"
            data = self.files.get(path)
            try:
                part = parse_json(data or b"")
                records, lists = field(part, "records", list), field(part, "lists", dict)
                if not follows({"sequence": field(part, "sequence", int), "digest": digest(data)}, mark):
                    self.wrong(path, "is not the state that the log records, or one after it")
            except (Wrong, LookupError, TypeError) as error:
                self.wrong(path, f"is malformed: {error}")
                continue
            self.compared += 1
            if any(digit_of(record) != name for record in records) or (lists and name != "lists"):
                self.wrong(path, "is another part of the ledger")
            for record in records:
                if record not in self.files:
                    self.wrong(record, "missing, although the ledger lists it")
            for path, digests in lists.items():
                if not isinstance(digests, list) or digest(self.files.get(path, b"")) not in digests:
                    self.wrong(path, "changed, but not by Bespoke")

    def check_pinned(self, leaves):
        if not self.pinned.is_signed_by(self.key):
            self.wrong("the pinned head", "was not signed with the public key")
        elif self.pinned.size > len(leaves):
            self.wrong("log/", "is shorter than the pinned head")
        elif tree_hash(leaves[:self.pinned.size]) != self.pinned.root:
            self.wrong("log/", "does not extend the pinned head")

    def check_run(self, head):
        """Checks the files under runs/<run>/ against the head, and all others against the manifest."""
        try:
            named = field(head, "files", dict)
            for name in HEAD_FILES:
                self.check_named(f"runs/{self.run}/{name}", named.get(name), name == "request.json")
            manifest = parse_json(self.files.get(f"runs/{self.run}/manifest.json", b""))
            entries = field(manifest, "entries", list)
            if (field(manifest, "run", str), manifest.get("chain"), manifest.get("customers")) != (
                    self.run, head.get("chain"), len(entries)) or head.get("customers") != len(entries):
                self.wrong(f"runs/{self.run}/manifest.json", "is not the manifest of the head")
            self.check_chain(manifest, entries)
            self.check_index(manifest, [field(entry, "reference", str) for entry in entries])
            allowed = set()
            for entry in entries:
                allowed |= self.check_customer(entry)
        except (Wrong, AttributeError, LookupError, TypeError, ValueError, csv.Error) as error:
            self.wrong(f"runs/{self.run}/", f"is malformed: {error}")
            return
        for path in self.files:
            parts = path.split("/")
            if parts[0] == "customers" and len(parts) > 3 and parts[2] == self.run and parts[3] != "progress" \
                    and path not in allowed:
                self.wrong(path, "no record refers to it")

    def check_named(self, path, expected, may_be_erased=False):
        found = self.files.get(path)
        if expected is None:
            if found is not None:
                self.wrong(path, "the run's head does not refer to it")
            return
        self.compared += 1
        if found is None and may_be_erased and any(path.startswith("control/forgotten/") for path in self.files):
            self.excused.append(path)
        elif found is None or digest(found) != expected:
            self.wrong(path, "is not the file that the run's head refers to")

    def check_chain(self, manifest, entries):
        link = digest_of_parts(b"bespoke manifest", self.run.encode(), (manifest.get("dataset") or "").encode())
        for entry in entries:
            link = digest_of_parts(link, entry["reference"].encode(), bytes.fromhex(field(entry, "record", str)))
            if entry.get("chain") != link.hex():
                self.wrong(f"runs/{self.run}/manifest.json", "its chain is broken")
                return
        if manifest.get("chain") != link.hex():
            self.wrong(f"runs/{self.run}/manifest.json", "its chain is broken")

    def check_index(self, manifest, references):
        """Checks that the index lists the manifest's customers, and that the dataset still contains their rows."""
        path = f"runs/{self.run}/index.csv"
        if path not in self.files:
            if references:
                self.wrong(path, "is missing")
            return
        rows = list(csv.DictReader(io.StringIO(self.files[path].decode("utf-8", "replace"))))
        if [row.get("reference") for row in rows] != references:
            self.wrong(path, "does not list the same customers as the manifest")
        lines_path = f"datasets/{manifest.get('dataset')}/customers.jsonl"
        lines = self.files.get(lines_path)
        if lines is None:
            return  # Datasets expire after their retention period.
        self.compared += 1
        for row in rows:
            start, length = int(row["offset"]), int(row["length"])
            if digest(lines[start:start + length]) != row["digest"] or lines[start + length:start + length + 1] != b"\n":
                self.wrong(lines_path, "a line differs from what merge wrote")
                break

    def check_customer(self, entry):
        """Checks a customer's record and files. Returns the paths that may exist."""
        reference, record = entry["reference"], entry["record"]
        folder = f"customers/{reference}/{self.run}/"
        everything = {folder + name for name in ARTIFACTS.values()}
        evidence = self.files.get(folder + "evidence.json")
        if evidence is not None:
            self.compared += 1
            if digest(evidence) != record:
                self.wrong(folder + "evidence.json", "is not the record in the manifest's chain")
                return everything
            return self.check_evidence(folder, entry, parse_json(evidence))
        for path in [folder + "failure.json", f"control/reviews/{self.run}/{reference}.json"]:
            if path in self.files:
                self.compared += 1
                if digest(self.files[path]) != record:
                    self.wrong(path, "is not the record in the manifest's chain")
                elif path.startswith("control/"):
                    seen = field(field(parse_json(self.files[path]), "seen", dict), "artefacts", dict)
                    for artifact, expected in seen.items():
                        self.check_file(folder, reference, artifact, expected, False)
                return everything
        erasure = self.files.get(f"control/forgotten/{reference}.json")
        if erasure is not None and (digest(erasure) == record or entry.get("outcome") == "in-review"):
            self.excused.append(folder + "evidence.json")
        elif record != digest(b""):
            self.wrong(folder + "evidence.json", "the record in the manifest's chain is missing")
        return everything

    def check_evidence(self, folder, entry, evidence):
        reference = entry["reference"]
        path = folder + "evidence.json"
        if (evidence.get("run"), evidence.get("reference")) != (self.run, reference):
            self.wrong(path, "belongs to another customer or run")
        if any(evidence.get(name) != value for name, value in entry.items() if name not in ("record", "chain")):
            self.wrong(path, "has a different outcome from the manifest")
        request = self.files.get(f"runs/{self.run}/request.json")
        if request is not None and digest(request) != evidence.get("request"):
            self.wrong(path, "refers to another request")
        published = entry.get("outcome") == "published"
        artifacts = field(evidence, "artefacts", dict)
        for artifact, expected in artifacts.items():
            self.check_file(folder, reference, artifact, expected, published or artifact not in PUBLISHED)
        decision = f"control/decisions/{self.run}/{reference}.json"
        named = (evidence.get("review") or {}).get("decision")
        sealed = self.files.get(decision)
        if named is None and sealed is not None and published:
            self.wrong(decision, "the evidence names no decision")
        elif named is not None and (sealed is None or digest(sealed) != named):
            self.wrong(decision, "is not the decision that the evidence names")
        return {path} | {folder + ARTIFACTS[artifact] for artifact in artifacts}

    def check_file(self, folder, reference, artifact, expected, must_exist):
        path = folder + ARTIFACTS[artifact]
        moved = path.replace("customers/", "recalled/", 1)
        found = self.files.get(path)
        if found is None and self.is_recalled(reference):
            found = self.files.get(moved)
        if found is not None:
            self.compared += 1
            if digest(found) != expected:
                self.wrong(path, "is not the file that the record refers to")
        elif must_exist and self.may_be_withdrawn(reference):
            self.excused.append(path)
        elif must_exist:
            self.wrong(path, "the record refers to it, but it is missing")

    def is_recalled(self, reference):
        return any(f"control/recalls/{self.run}/{name}.json" in self.files for name in ("run", reference))

    def may_be_withdrawn(self, reference):
        """Returns whether a control record, which this program cannot authenticate, explains missing files."""
        records = [f"control/{kind}/{reference}.json" for kind in ("forgotten", "suppressions")]
        lists = [self.files.get(f"control/{name}.csv", b"").lower() for name in ("suppressions", "consents")]
        return any(path in self.files for path in records) or any(reference.encode() in rows for rows in lists)


def digit_of(record):
    """Returns the first digit of the customer reference in the key of a control record."""
    return "".join(str(record).split("/")[2:3])[:1]


def follows(mark, earlier):
    """Returns whether a part of the ledger may have the state `mark` after the state `earlier`."""
    return mark == earlier or (isinstance(mark, dict) and mark["sequence"] > earlier["sequence"])


def states_the_same(one, other):
    ignored = ("at", "program", "control")
    return {name: value for name, value in one.items() if name not in ignored} == {
        name: value for name, value in other.items() if name not in ignored}


def read_key(data):
    key = load_pem_public_key(data)
    if not isinstance(key, Ed25519PublicKey):
        raise Wrong("not an Ed25519 public key")
    return key


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifacts")
    parser.add_argument("run")
    parser.add_argument("--key", required=True, help="the public key, in PEM")
    parser.add_argument("--head", help="a head that you kept")
    arguments = parser.parse_args()
    try:
        key = read_key(pathlib.Path(arguments.key).read_bytes())
        pinned = read_pinned(pathlib.Path(arguments.head).read_bytes()) if arguments.head else None
    except (Wrong, ValueError) as error:
        sys.exit(f"error: {error}")
    verifier = Verifier(Folder(arguments.artifacts), arguments.run, key, pinned)
    proved = verifier.verify()
    for finding in verifier.findings:
        print(finding)
    for path in verifier.excused:
        print(f"{path}: missing; a control record, which only the bank's keys can check, explains it")
    print(f"{'proved' if proved else 'NOT PROVED'}: {verifier.compared} files compared, entry {verifier.index} of "
          f"{verifier.size} in the log, {'within the pinned head' if pinned else 'no pinned head'}")
    return 0 if proved else 1


if __name__ == "__main__":
    sys.exit(main())
