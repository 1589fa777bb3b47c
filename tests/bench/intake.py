#!/usr/bin/env python3
"""Measures the intake of workbooks (decrypt, read, join, write) against pandas with two readers, on the same files.

Prints each program's median CPU seconds, wall seconds and peak memory, and their ratios to Bespoke's ("ours"). Bespoke seals
its output with a key per customer; pandas writes plain JSON. The floor only decrypts the workbooks and reads all cells with
the same readers as Bespoke, so no program with these readers can cost less. Run it on a quiet machine.

Usage: intake.py INTAKE FLOOR BESPOKE PYTHON [ROUNDS]

  INTAKE  the built crates/bespoke/examples/intake.rs
  FLOOR   the built crates/bespoke/examples/intake_floor.rs
  BESPOKE the command, which generates the workbooks
  PYTHON  an interpreter with the packages of tests/requirements/pandas.txt
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SETS = [(4_000, 200_000), (50_000, 1_000_000)]
PASSWORD = "meridian-demo"


def measure(command):
    """Returns a command's CPU seconds, wall seconds and peak MB."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"EXCEL_PASSWORD": PASSWORD})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begun, usage.ru_maxrss / 1024


def main():
    intake, floor, bespoke, python = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    # Keep all files until the end, because a file system is slow right after it has removed many files.
    with tempfile.TemporaryDirectory() as folders:
        for customers, transactions in SETS:
            folder = pathlib.Path(folders, str(transactions))
            sample = [bespoke, "sample", "--customers", customers, "--transactions", transactions, "--out", folder]
            subprocess.run([str(part) for part in sample], check=True, stdout=subprocess.DEVNULL)
            compare(intake, floor, python, folder, rounds, f"{transactions:,} transactions of {customers:,} customers")


def compare(intake, floor, python, data, rounds, title):
    """Runs all programs on one set of workbooks and prints the comparison."""
    measurements = {"ours": [], "the floor": [], "pandas + calamine": [], "pandas + openpyxl": []}
    for count in range(rounds):
        for name, rows in measurements.items():
            out = pathlib.Path(data, f"out-{count}-{name}")
            out.mkdir()
            engine = name.removeprefix("pandas + ")
            pandas = [python, HERE / "pandas_intake.py", engine, data, out / "customers.jsonl"]
            commands = {"ours": [intake, data, out], "the floor": [floor, data]}
            rows.append(measure(commands.get(name, pandas)))
    print(f"\n{title}, {rounds} rounds, medians\n{'':<20}{'CPU s':>9}{'wall s':>9}{'MB':>8}{'× CPU':>8}{'× wall':>8}{'× MB':>8}")
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in measurements.items()}
    for name, figures in medians.items():
        ratios = [figure / ours for figure, ours in zip(figures, medians["ours"])]
        print(f"{name:<20}{figures[0]:>9.2f}{figures[1]:>9.2f}{figures[2]:>8.0f}" + "".join(f"{ratio:>8.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
