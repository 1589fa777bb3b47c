#!/usr/bin/env python3
"""What reading a bank's workbooks costs: decrypt, read, join, write. Ours beside pandas with two readers, on the same files.

Prints CPU seconds, wall seconds and peak memory of each, medians, and how many times ours each is. Ours seals what it writes,
a key a customer; pandas writes plain JSON. The floor decrypts and passes over the cells with the readers of ours, and does
nothing else: what is built on these readers cannot cost less. Run it on a quiet machine.

Usage: intake.py INTAKE FLOOR BESPOKE PYTHON [ROUNDS], where INTAKE is crates/bespoke/examples/intake.rs, FLOOR is
crates/bespoke/examples/intake_floor.rs, BESPOKE makes the workbooks, and PYTHON has what tests/requirements/pandas.txt lists.
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


def measured(command):
    """CPU seconds, wall seconds and peak MB of a command."""
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
    # Nothing is removed before the end: a file system is slow to make files where it has just removed many.
    with tempfile.TemporaryDirectory() as folders:
        for customers, transactions in SETS:
            folder = pathlib.Path(folders, str(transactions))
            sample = [bespoke, "sample", "--customers", customers, "--transactions", transactions, "--out", folder]
            subprocess.run([str(part) for part in sample], check=True, stdout=subprocess.DEVNULL)
            compare(intake, floor, python, folder, rounds, f"{transactions:,} transactions of {customers:,} customers")


def compare(intake, floor, python, data, rounds, title):
    took = {"ours": [], "the floor": [], "pandas + calamine": [], "pandas + openpyxl": []}
    for count in range(rounds):
        for name, times in took.items():
            out, engine = pathlib.Path(data, f"out-{count}-{name}"), name.removeprefix("pandas + ")
            out.mkdir()
            theirs = [python, HERE / "pandas_intake.py", engine, data, out / "customers.jsonl"]
            commands = {"ours": [intake, data, out], "the floor": [floor, data]}
            times.append(measured(commands.get(name, theirs)))
    print(f"\n{title}, {rounds} rounds, medians\n{'':<20}{'CPU s':>9}{'wall s':>9}{'MB':>8}{'× CPU':>8}{'× wall':>8}{'× MB':>8}")
    medians = {name: [statistics.median(column) for column in zip(*times)] for name, times in took.items()}
    for name, figures in medians.items():
        ratios = [figure / own for figure, own in zip(figures, medians["ours"])]
        print(f"{name:<20}{figures[0]:>9.2f}{figures[1]:>9.2f}{figures[2]:>8.0f}" + "".join(f"{ratio:>8.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
