#!/usr/bin/env python3
"""Measures the cost of a video at 1280x720 and 24 frames per second. All programs use the same audio, captions and background:

  ours      the render stage as the command runs it, with all earlier stages done
  floor     ffmpeg decodes the background and encodes the same number of frames with the same settings, without drawing or audio
  sounding  the same as floor, but it also encodes the finished audio, as every video must
  moviepy   MoviePy 2 with the original program's composition

Runs once on the brand's own loop and once on the same loop with grain. Prints median CPU and wall seconds, and the ratios
between ours and the others. Then prints the cost, size and VMAF of several x264 presets; the reference is a render at crf 1.
Run it on a quiet machine.

Usage: render.py BESPOKE PYTHON [ROUNDS], where PYTHON has the packages of tests/requirements/moviepy.txt
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
# The default preset with its constant rate factor, and alternatives.
DEFAULT = ("veryfast", 21)
OTHERS = [("faster", 21), ("superfast", 21), ("superfast", 19), ("ultrafast", 19), ("ultrafast", 17)]
# The files that the stages after the narration write.
RENDERED = ["recommendation.mp4", "recommendation.vtt", "recommendation.txt", "poster.jpg", "preview.gif", "render.json", "evidence.json"]


def measure(command, **options):
    """Returns the CPU and wall seconds of a command and its child processes."""
    def cpu_seconds():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    before, begun = cpu_seconds(), time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True, **options)
    return cpu_seconds() - before, time.perf_counter() - begun


def ffmpeg(*arguments):
    return ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]


class Render:
    """A finished run of the command in a folder of its own. Its render can be repeated."""

    def __init__(self, folder, background, preset, crf):
        self.folder, self.background = folder, background
        folder.mkdir()
        (folder / "bespoke.toml").write_text(f"[video]\nresolution = 720\npreset = \"{preset}\"\ncrf = {crf}\n")
        self.env = os.environ | {"XDG_DATA_HOME": str(folder.parent / "home"), "EXCEL_PASSWORD": "meridian-demo",
                                 "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
        self.run()
        (self.video,) = (folder / "artifacts/customers").glob("*/*/recommendation.mp4")

    def run(self):
        """Runs the command. Returns CPU and wall seconds."""
        return measure([BESPOKE, "run", "--customer", "0001", "--background", self.background], cwd=self.folder, env=self.env)

    def repeat(self):
        """Repeats only the render and publish stages. Returns CPU and wall seconds."""
        for name in RENDERED:
            (self.video.parent / name).unlink()
        return self.run()


def compare(title, folder, background):
    """Measures all four programs and the presets on one background, and prints both tables."""
    ours = Render(folder / title, background, *DEFAULT)
    seconds = duration(ours.video)
    medians = measure_side_by_side(ours, seconds, title, folder)
    print(f"\n{title}: {seconds:.0f} s of video, {ROUNDS} rounds, medians\n"
          f"{'':<10}{'CPU s':>9}{'wall s':>9}{'÷ ours CPU':>12}{'÷ ours wall':>13}")
    for name, (cpu, wall) in medians.items():
        print(f"{name:<10}{cpu:>9.1f}{wall:>9.1f}{cpu / medians['ours'][0]:>12.2f}{wall / medians['ours'][1]:>13.2f}")
    ratios = [f"{medians['ours'][0] / medians[name][0]:.2f} of {name}" for name in ("floor", "sounding")]
    print(f"ours in CPU: {', '.join(ratios)}")
    compare_presets(ours, title, folder)


def measure_side_by_side(ours, seconds, title, folder):
    """Returns the median CPU and wall seconds of each program."""
    sound, captions = folder / f"{title}.wav", ours.video.with_suffix(".vtt")
    subprocess.run(ffmpeg("-i", ours.video, "-vn", sound), check=True)
    looped = ["-stream_loop", "-1", "-i", ours.background]
    encoded = ["-t", seconds, "-c:v", "libx264", "-preset", DEFAULT[0], "-crf", DEFAULT[1], "-pix_fmt", "yuv420p",
               folder / "floor.mp4"]
    font = ROOT / "assets/fonts/SourceSans3-Regular.ttf"
    commands = {
        "floor": ffmpeg(*looped, "-an", *encoded),
        "sounding": ffmpeg(*looped, "-i", sound, "-c:a", "aac", "-b:a", "128k", *encoded),
        "moviepy": [PYTHON, HERE / "moviepy_render.py", ours.background, sound, captions, font, folder / "moviepy.mp4"],
    }
    samples = {name: [] for name in ["ours", *commands]}
    for _ in range(ROUNDS):
        samples["ours"].append(ours.repeat())
        for name, command in commands.items():
            samples[name].append(measure(command, cwd=folder))
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in samples.items()}


def compare_presets(ours, title, folder):
    """Prints the cost, size and VMAF of each preset."""
    reference = Render(folder / f"{title}-reference", ours.background, "veryfast", 1).video
    print(f"{'preset':<12}{'crf':>4}{'CPU s':>9}{'MB':>8}{'VMAF':>8}")
    for preset, crf in [DEFAULT, *OTHERS]:
        is_default = (preset, crf) == DEFAULT
        render = ours if is_default else Render(folder / f"{title}-{preset}-{crf}", ours.background, preset, crf)
        cpu, _ = render.repeat()
        size = render.video.stat().st_size / 1e6
        print(f"{preset:<12}{crf:>4}{cpu:>9.1f}{size:>8.1f}{vmaf(render.video, reference):>8.1f}")


def duration(video):
    """Returns the length of a video in seconds."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", video]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    return float(json.loads(shown)["format"]["duration"])


def vmaf(video, reference):
    """Returns the VMAF score of a video against a reference."""
    program = subprocess.run([PYTHON, "-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"], check=True,
                             capture_output=True, text=True).stdout.strip()
    log = subprocess.run([program, "-nostdin", "-i", video, "-i", reference, "-lavfi", "libvmaf=n_threads=2:n_subsample=4", "-f", "null", "-"],
                          check=True, capture_output=True, text=True).stderr
    return float(re.search(r"VMAF score: (\S+)", log)[1])


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
