#!/usr/bin/env python3
"""Measures what reuse saves in a campaign: CPU seconds of speech, picture and sound for each video at 1080p.

  first     the first video, for which nothing exists yet; every video would cost as much without reuse
  window    a few videos in the middle and at the end of the campaign
  warm      videos of a second campaign over the same texts, which finds all shared speech and scenes
  floor     ffmpeg decodes and encodes as many frames of the brand's loop, without drawing or sound

Also prints what the stores of shared speech and scenes hold, and the size of a video. Run it on a quiet machine.

Usage: reuse.py BESPOKE [CUSTOMERS [ENGINE]]; 200 customers and kokoro unless given.
"""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BESPOKE = pathlib.Path(sys.argv[1]).absolute()
CUSTOMERS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
ENGINE = sys.argv[3] if len(sys.argv) > 3 else "kokoro"
RESOLUTION = os.environ.get("RESOLUTION", "1080")
# The videos in a window.
WINDOW = min(10, max(1, CUSTOMERS // 4))


def cpu_of_children():
    """Returns the CPU seconds of all ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Bank:
    """A folder with generated workbooks and one campaign."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "bespoke.toml").write_text(
            f"[video]\nresolution = {RESOLUTION}\n[voice]\nengine = \"{ENGINE}\"\n[local]\nconcurrency = 1\n")

    def campaign(self, data, limit):
        """Continues the campaign up to `limit` videos. Returns the CPU seconds and the videos so far."""
        env = os.environ | {"XDG_DATA_HOME": str(self.folder.parent / "home"), "EXCEL_PASSWORD": "meridian-demo",
                            "BESPOKE_DATA": str(data), "BESPOKE_ASSETS": str(ROOT / "assets")}
        before = cpu_of_children()
        command = [BESPOKE, "campaign", "--limit", str(limit), "--json"]
        run = subprocess.run(command, capture_output=True, cwd=self.folder, env=env)
        if run.returncode not in (0, 6):
            sys.exit(run.stderr.decode())
        return cpu_of_children() - before, json.loads(run.stdout)["counts"]["published"]

    def held(self, area):
        """Returns the number and the megabytes of the objects in an area."""
        files = [path for path in (self.folder / "artifacts" / area).rglob("*") if path.is_file()]
        return len(files), sum(path.stat().st_size for path in files) / 1e6


def floor(videos):
    """Returns the CPU seconds to decode and encode as many frames as an average video has."""
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    lengths = [float(subprocess.run([*probe, video], capture_output=True, check=True).stdout) for video in videos]
    seconds = sum(lengths) / len(lengths)
    before = cpu_of_children()
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-t", f"{seconds:.2f}", "-i",
                    ROOT / "assets/backgrounds/currents.mp4", "-vf", f"scale=-2:{RESOLUTION}", "-an", "-c:v", "libx264",
                    "-preset", "veryfast", "-crf", "21", "-f", "null", "-"], check=True)
    return cpu_of_children() - before, seconds


def main():
    with tempfile.TemporaryDirectory() as name:
        data = pathlib.Path(name) / "data"
        shutil.copytree(ROOT / "data", data)
        # More customers than videos, because some do not consent.
        sample = [BESPOKE, "sample", "--customers", str(CUSTOMERS * 3), "--transactions", str(CUSTOMERS * 120), "--out", data]
        subprocess.run(sample, check=True, stdout=subprocess.DEVNULL)
        bank = Bank(pathlib.Path(name) / "cold")
        used, done = {}, 0
        for limit in sorted({1, WINDOW, max(1, CUSTOMERS // 2 - WINDOW), CUSTOMERS // 2, CUSTOMERS - WINDOW, CUSTOMERS}):
            if limit <= done:
                continue
            cpu, published = bank.campaign(data, limit)
            used[(done + 1, published)] = cpu
            done = published
        # The cost of continuing a campaign without a video: intake, checks, the manifest.
        idle, _ = bank.campaign(data, done)
        print(f"{CUSTOMERS} customers, {ENGINE}, {RESOLUTION}p; {idle:.1f} CPU s of each command do not depend on videos\n")
        print("| videos | CPU s each |\n|---|---|")
        for (first, last), cpu in used.items():
            print(f"| {first} to {last} | {(cpu - idle) / (last - first + 1):.1f} |")
        print(f"| average of {done} | {sum(cpu - idle for cpu in used.values()) / done:.1f} |")
        warm = Bank(pathlib.Path(name) / "warm")
        (warm.folder / "artifacts").mkdir()
        for area in ("speech", "scenes"):
            shutil.copytree(bank.folder / "artifacts" / area, warm.folder / "artifacts" / area)
        cpu, count = warm.campaign(data, WINDOW)
        print(f"| warm, {count} videos | {(cpu - idle) / count:.1f} |")
        videos = sorted((warm.folder / "artifacts/customers").glob("*/*/recommendation.mp4"))
        cpu, seconds = floor(videos)
        print(f"| floor, {seconds:.0f} s of video | {cpu:.1f} |\n")
        for area in ("speech", "scenes"):
            count, megabytes = bank.held(area)
            print(f"{area}: {count} objects, {megabytes:.1f} MB")
        print(f"a video: {sum(video.stat().st_size for video in videos) / len(videos) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
