#!/usr/bin/env python3
"""What a video costs at 1280x720 and 24 frames a second, on the same sound, captions and background, side by side:

  ours     the render stage, as the command runs it: everything before it is found made
  floor    ffmpeg decodes the background and encodes as many frames with the same settings; nothing drawn, no sound
  sounding the floor with the finished sound encoded beside it, as every video has one
  moviepy  MoviePy 2 with the original program's composition

Once on the brand's own loop and once on the same with grain. Prints CPU and wall seconds, medians, and ours as ratios; then
what x264's presets cost, how large they are, and their VMAF against a render of crf 1.
Run it on a quiet machine.

Usage: render.py BESPOKE PYTHON [ROUNDS], where PYTHON has what tests/requirements/moviepy.txt lists.
"""

import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent
BESPOKE, PYTHON = (pathlib.Path(argument).absolute() for argument in sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
GRAIN = "noise=alls=14:allf=t+u"
# The preset and the constant rate factor that are the default, and others.
DEFAULT = ("veryfast", 21)
OTHERS = [("faster", 21), ("superfast", 21), ("superfast", 19), ("ultrafast", 19), ("ultrafast", 17)]
# What the stages after the narration leave.
MADE = ["recommendation.mp4", "recommendation.vtt", "recommendation.txt", "poster.jpg", "preview.gif", "render.json", "evidence.json"]


def measured(command, **more):
    """CPU and wall seconds of a command and its children."""
    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    before, begun = used(), time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True, **more)
    return used() - before, time.perf_counter() - begun


def ffmpeg(*arguments):
    return ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]


class Bench:
    def __init__(self, folder, background, preset, crf):
        self.folder, self.background = folder, background
        folder.mkdir()
        (folder / "bespoke.toml").write_text(f"[video]\nresolution = 720\npreset = \"{preset}\"\ncrf = {crf}\n")
        self.env = os.environ | {"XDG_DATA_HOME": str(folder.parent / "home"), "EXCEL_PASSWORD": "meridian-demo",
                                 "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
        self.run()
        (self.video,) = (folder / "artifacts/customers").glob("*/*/recommendation.mp4")

    def run(self):
        return measured([BESPOKE, "run", "--customer", "0001", "--background", self.background], cwd=self.folder, env=self.env)

    def again(self):
        """The render and the publishing alone."""
        for name in MADE:
            (self.video.parent / name).unlink()
        return self.run()


def compare(title, folder, background):
    ours = Bench(folder / title, background, *DEFAULT)
    sound, captions = folder / f"{title}.wav", ours.video.with_suffix(".vtt")
    subprocess.run(ffmpeg("-i", ours.video, "-vn", sound), check=True)
    seconds = json.loads(subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format", ours.video], check=True,
                                        capture_output=True).stdout)["format"]["duration"]
    font, out = ROOT / "assets/fonts/SourceSans3-Regular.ttf", folder / "theirs.mp4"
    floor = ffmpeg("-stream_loop", "-1", "-i", background, "-t", seconds, "-an", "-c:v", "libx264", "-preset", DEFAULT[0],
                   "-crf", DEFAULT[1], "-pix_fmt", "yuv420p", folder / "floor.mp4")
    sounding = [*floor[:floor.index("-an")], "-i", sound, "-t", seconds, "-c:a", "aac", "-b:a", "192k", *floor[floor.index("-an") + 1:]]
    took = {"ours": [], "floor": [], "sounding": [], "moviepy": []}
    for _ in range(ROUNDS):
        took["ours"].append(ours.again())
        took["floor"].append(measured(floor))
        took["sounding"].append(measured(sounding))
        took["moviepy"].append(measured([PYTHON, HERE / "moviepy_render.py", background, sound, captions, font, out], cwd=folder))
    print(f"\n{title}: {float(seconds):.0f} s of video, {ROUNDS} rounds, medians\n{'':<10}{'CPU s':>9}{'wall s':>9}{'÷ ours CPU':>12}{'÷ ours wall':>13}")
    medians = {name: [statistics.median(column) for column in zip(*times)] for name, times in took.items()}
    for name, (cpu, wall) in medians.items():
        print(f"{name:<10}{cpu:>9.1f}{wall:>9.1f}{cpu / medians['ours'][0]:>12.2f}{wall / medians['ours'][1]:>13.2f}")
    ratios = [f"{medians['ours'][0] / medians[name][0]:.2f} of {name}" for name in ("floor", "sounding")]
    print(f"ours in CPU: {', '.join(ratios)}")
    fine = Bench(folder / f"{title}-fine", background, "veryfast", 1).video
    print(f"{'preset':<12}{'crf':>4}{'CPU s':>9}{'MB':>8}{'VMAF':>8}")
    for preset, crf in [DEFAULT, *OTHERS]:
        bench = ours if (preset, crf) == DEFAULT else Bench(folder / f"{title}-{preset}-{crf}", background, preset, crf)
        cpu, size = bench.again()[0], bench.video.stat().st_size / 1e6
        print(f"{preset:<12}{crf:>4}{cpu:>9.1f}{size:>8.1f}{vmaf(bench.video, fine):>8.1f}")


def vmaf(video, reference):
    program = subprocess.run([PYTHON, "-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"], check=True,
                             capture_output=True, text=True).stdout.strip()
    said = subprocess.run([program, "-nostdin", "-i", video, "-i", reference, "-lavfi", "libvmaf=n_threads=2:n_subsample=4", "-f", "null", "-"],
                          check=True, capture_output=True, text=True).stderr
    return float(re.search(r"VMAF score: (\S+)", said)[1])


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for title, grain in [("calm", ""), ("grain", "," + GRAIN)]:
            background = folder / f"{title}.mp4"
            subprocess.run(ffmpeg("-i", ROOT / "assets/backgrounds/currents.mp4", "-an", "-vf",
                                  f"scale=1280:720{grain},format=yuv420p,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv",
                                  "-c:v", "libx264", "-preset", "fast", "-crf", "16", "-r", "24", background), check=True)
            compare(title, folder, background)


if __name__ == "__main__":
    main()
