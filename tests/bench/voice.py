#!/usr/bin/env python3
"""Measures voice engines and settings: CPU and wall seconds per second of speech, and peak memory.

Each row measures the whole command, from loading the model to leveling the audio. The baseline is espeak-ng on the same text.
Run it on a quiet machine. CPU seconds are more reliable than wall seconds.

Usage: voice.py BESPOKE
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
# The voices to measure, each with a value for local.concurrency.
ROWS = [("espeak", 1), ("kokoro", 1), ("kokoro", 2), ("kokoro:bm_george", 1)]


def measure(bespoke, folder, voice, concurrency):
    """Returns CPU and wall seconds per second of speech, peak MB, and words per minute."""
    text, config = folder / "text.txt", folder / "bespoke.toml"
    paragraphs = [line.split("\t")[0] for line in TEXT.read_text().splitlines()]
    text.write_text("\n\n".join(paragraphs))
    config.write_text(f"[local]\nconcurrency = {concurrency}\n")
    command = [bespoke, "--config", config, "--json", "narrate", "--text", text, "--voice", voice, "--out", folder / "out.wav"]
    begun = os.times().elapsed
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    report = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    seconds = report["seconds"]
    cpu = usage.ru_utime + usage.ru_stime
    return cpu / seconds, (os.times().elapsed - begun) / seconds, usage.ru_maxrss / 1024, report["words_per_minute"]


def main():
    bespoke = pathlib.Path(sys.argv[1]).resolve()
    measurements = {row: [] for row in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for row in ROWS:
                measurements[row].append(measure(bespoke, pathlib.Path(folder), *row))
    median = {row: [statistics.median(column) for column in zip(*runs)] for row, runs in measurements.items()}
    floor = median[ROWS[0]][0]
    print(f"{'voice':<18}{'at once':>8}{'CPU s/s':>9}{'wall s/s':>11}{'peak MB':>9}{'words/min':>11}{'CPU to espeak':>15}")
    for (voice, concurrency), (cpu, wall, memory, rate) in median.items():
        print(f"{voice:<18}{concurrency:>8}{cpu:>9.3f}{wall:>11.3f}{memory:>9.0f}{rate:>11.0f}{cpu / floor:>15.1f}")


if __name__ == "__main__":
    main()
