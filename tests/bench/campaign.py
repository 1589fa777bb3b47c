#!/usr/bin/env python3
"""Measures the throughput of a campaign over sample customers, and the accuracy of its dry run's forecast.

  busy      CPU seconds of all stages ÷ (cores × wall seconds); 1 means that no core ever waits
  forecast  the dry run's seconds ÷ the wall seconds of the campaign

Runs once at full size and once at 320x180. Uses espeak-ng, whose cost is negligible, to measure rendering. Run it on a
quiet machine.

Usage: campaign.py BESPOKE [VIDEOS]
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BESPOKE = pathlib.Path(sys.argv[1]).absolute()
VIDEOS = sys.argv[2] if len(sys.argv) > 2 else "6"


def cpu_of_children():
    """Returns the CPU seconds of all ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def campaign(folder, *options):
    """Runs a campaign. Returns its report, CPU seconds and wall seconds."""
    env = os.environ | {"XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
                        "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
    command = [BESPOKE, "campaign", "--limit", VIDEOS, "--json", *options]
    before, begun = cpu_of_children(), time.perf_counter()
    report = subprocess.run(command, check=True, capture_output=True, cwd=folder, env=env).stdout
    return json.loads(report), cpu_of_children() - before, time.perf_counter() - begun


def main():
    cores = len(os.sched_getaffinity(0))
    print(f"{'':<12}{'videos':>7}{'wall s':>9}{'CPU s':>9}{'busy':>7}{'videos/CPU-minute':>21}{'/minute':>10}{'forecast':>10}")
    for resolution in (1080, 180):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "bespoke.toml").write_text(f"[video]\nresolution = {resolution}\n[voice]\nengine = \"espeak\"\n")
            forecast, _, _ = campaign(folder, "--dry-run")
            report, used, wall = campaign(folder)
            videos = report["counts"]["published"]
            print(f"{resolution:<12}{videos:>7}{wall:>9.1f}{used:>9.1f}{used / cores / wall:>7.2f}"
                  f"{videos * 60 / used:>21.2f}{videos * 60 / wall:>10.2f}{forecast['here']['seconds'] / wall:>10.2f}")


if __name__ == "__main__":
    main()
