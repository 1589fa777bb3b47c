#!/usr/bin/env python3
"""What speech costs, by engine and setting: seconds of CPU and of the clock for a second of speech, and peak memory.

Each row is the whole command, the model loaded and the sound levelled. The baseline is espeak-ng on the same text, side
by side. Run it on a quiet machine; CPU seconds are to be trusted more than those of the clock.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

TEXT = pathlib.Path(__file__).parent.parent / "voice/texts.tsv"
ROUNDS = int(os.environ.get("ROUNDS", "3"))
ROWS = [("espeak", 1), ("kokoro", 1), ("kokoro", 2), ("kokoro:bm_george", 1)]


def measure(program, folder, voice, at_once):
    text, config = folder / "text.txt", folder / "bespoke.toml"
    paragraphs = [line.split("\t")[0] for line in TEXT.read_text().splitlines()]
    text.write_text("\n\n".join(paragraphs))
    config.write_text(f"[local]\nconcurrency = {at_once}\n")
    command = [program, "--config", config, "--json", "narrate", "--text", text, "--voice", voice, "--out", folder / "out.wav"]
    begun = os.times().elapsed
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    report = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    seconds = report["seconds"]
    cpu = usage.ru_utime + usage.ru_stime
    return cpu / seconds, (os.times().elapsed - begun) / seconds, usage.ru_maxrss / 1024, report["words_per_minute"]


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    found = {row: [] for row in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for row in ROWS:
                found[row].append(measure(program, pathlib.Path(folder), *row))
    median = {row: [statistics.median(column) for column in zip(*runs)] for row, runs in found.items()}
    floor = median[ROWS[0]][0]
    print(f"{'voice':<18}{'at once':>8}{'CPU s/s':>9}{'clock s/s':>11}{'peak MB':>9}{'words/min':>11}{'CPU to espeak':>15}")
    for (voice, at_once), (cpu, clock, memory, rate) in median.items():
        print(f"{voice:<18}{at_once:>8}{cpu:>9.3f}{clock:>11.3f}{memory:>9.0f}{rate:>11.0f}{cpu / floor:>15.1f}")


main()
