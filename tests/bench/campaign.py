#!/usr/bin/env python3
"""A campaign over sample customers: its throughput, and how far the forecast of its dry run is from it.

  busy      CPU seconds of all stages ÷ (cores × seconds from start to end): what is left to 1 is waiting
  forecast  the dry run's seconds ÷ those that it then took

Once at full size and once at 320x180, each with espeak-ng, which takes next to nothing, so that rendering is what is measured.
Run it on a quiet machine.

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


def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def campaign(folder, *options):
    env = os.environ | {"XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
                        "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
    command = [BESPOKE, "campaign", "--limit", VIDEOS, "--json", *options]
    before, begun = cpu(), time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, cwd=folder, env=env).stdout
    return json.loads(said), cpu() - before, time.perf_counter() - begun


def main():
    cores = len(os.sched_getaffinity(0))
    print(f"{'':<12}{'videos':>7}{'wall s':>9}{'CPU s':>9}{'busy':>7}{'videos a CPU-minute':>21}{'a minute':>10}{'forecast':>10}")
    for resolution in (1080, 180):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "bespoke.toml").write_text(f"[video]\nresolution = {resolution}\n[voice]\nengine = \"espeak\"\n")
            forecast, _, _ = campaign(folder, "--dry-run")
            told, used, wall = campaign(folder)
            videos = told["counts"]["published"]
            print(f"{resolution:<12}{videos:>7}{wall:>9.1f}{used:>9.1f}{used / cores / wall:>7.2f}"
                  f"{videos * 60 / used:>21.2f}{videos * 60 / wall:>10.2f}{forecast['here']['seconds'] / wall:>10.2f}")


if __name__ == "__main__":
    main()
