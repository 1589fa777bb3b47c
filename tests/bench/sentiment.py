#!/usr/bin/env python3
"""Measures `bespoke sentiment` on 10,000 posts against the original VADER in Python on the same file.

Each program runs as a separate process, timed from start to end. Prints the medians of three alternating rounds. The target
is under 2 s.

Usage: sentiment.py BESPOKE PYTHON, where PYTHON has the packages of tests/requirements/vader.txt
"""

import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

POSTS = [
    "Just back from ten days on the coast, what a wonderful trip! Already dreaming of the next flight.",
    "Terrible customer service at the bank again. On hold for an hour and nobody helped. Awful.",
    "Another overdraft fee. I hate these hidden charges, this is a disgrace.",
    "Our shop just hired two more bakers. So proud of this small business! 😀",
    "明日は晴れるでしょう",
    "",
    "Finally setting up an emergency fund. Feels great to be saving up!",
]
VADER = """
import sys
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
analyzer = SentimentIntensityAnalyzer()
for line in open(sys.argv[1], encoding="utf-8"):
    print(analyzer.polarity_scores(line.rstrip("\\n")))
"""


def seconds(command):
    """Returns the wall and CPU seconds of a process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True).stdout
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert out.count(b"\n") == 10_000, "one line for each post"
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    bespoke, python = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        posts = pathlib.Path(folder) / "posts.txt"
        posts.write_text("".join(f"{POSTS[at % len(POSTS)]} {at}\n" for at in range(10_000)), encoding="utf-8")
        commands = {"bespoke": [bespoke, "sentiment", posts], "vader": [python, "-c", VADER, posts]}
        rounds = [{name: seconds(command) for name, command in commands.items()} for _ in range(3)]
    median = {name: [statistics.median(r[name][which] for r in rounds) for which in (0, 1)] for name in commands}
    for name, (wall, cpu) in median.items():
        print(f"{name:<10}{wall:8.2f} s{cpu:8.2f} CPU s")
    print(f"bespoke sentiment / VADER in Python: {median['bespoke'][1] / median['vader'][1]:.3f} in CPU")


if __name__ == "__main__":
    main()
