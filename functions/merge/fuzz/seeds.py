#!/usr/bin/env python3
"""Fills the fuzzers' corpora with seeds from the test files.

Lowers the 100,000 hashing rounds in an encrypted seed to ten, so the fuzzer runs fast. Such a seed can no longer be
decrypted. `agile-ten-rounds` can, so its mutations are decrypted and read.
"""

import pathlib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
FILES = HERE.parent / "tests/files"
PARTS = ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml",
         "xl/_rels/workbook.xml.rels", "[Content_Types].xml"]
SMALL = 20_000

for folder in ["container", "parts"]:
    (HERE / "corpus" / folder).mkdir(parents=True, exist_ok=True)
for file in sorted(FILES.glob("*.xlsx")):
    content = file.read_bytes()
    if len(content) <= SMALL:
        (HERE / "corpus/container" / file.stem).write_bytes(content.replace(b'spinCount="100000"', b'spinCount="000010"'))
    if not content.startswith(b"PK") or not zipfile.is_zipfile(file):
        continue
    with zipfile.ZipFile(file) as archive:
        for number, part in enumerate(PARTS):
            if part in archive.namelist() and archive.getinfo(part).file_size <= SMALL:
                (HERE / "corpus/parts" / f"{file.stem}-{number}").write_bytes(bytes([number]) + archive.read(part))
