#!/usr/bin/env python3
"""Measures how much reuse saves in a campaign: CPU seconds of speech, image and sound for each video at 1080p.

  single    the 1st, 10th, 100th and 200th video alone; nothing exists before the 1st
  average   all videos of the campaign
  warm      videos of a second campaign with the same texts, for which all shared speech and scenes exist
  off       videos that start without shared speech and scenes, as if nothing were reused
  moviepy   one video as the original program made it: espeak-ng speaks, and MoviePy 2 composes and encodes
  floor     the same number of frames of the brand's loop, which ffmpeg only decodes and encodes
  simulated a campaign of 1,000 videos: its letters are written, and each sentence that no earlier letter had costs as
            much as a new sentence does in the measured campaign; the first half of that campaign predicts the second as a check

Also prints the sizes of the stores of shared speech and scenes, and of a video. Run it on a machine without other load.

Usage: reuse.py BESPOKE [CUSTOMERS [ENGINE]]; the defaults are 200 customers and kokoro. RESOLUTION and MOVIEPY, the Python
with the packages of tests/requirements/moviepy.txt, are environment variables.
"""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BESPOKE = pathlib.Path(sys.argv[1]).absolute()
CUSTOMERS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
ENGINE = sys.argv[3] if len(sys.argv) > 3 else "kokoro"
RESOLUTION = int(os.environ.get("RESOLUTION", "1080"))
MOVIEPY = pathlib.Path(os.environ.get("MOVIEPY", ROOT / "target/tools/moviepy/bin/python"))
LOOP = ROOT / "assets/backgrounds/currents.mp4"
# The videos that are measured alone.
SINGLE = [number for number in (1, 10, 100, 200) if number <= CUSTOMERS]
# The numbers of videos with a warm store, and without any store.
WARM = min(20, max(1, CUSTOMERS // 2))
OFF = min(3, CUSTOMERS)
SIMULATED = 1000


def cpu_of_children():
    """Returns the CPU seconds of all ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of(command, **options):
    """Runs a command and returns its CPU seconds."""
    before = cpu_of_children()
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    return cpu_of_children() - before


def generate(folder, customers):
    """Writes workbooks from which about `customers` get a video. Returns their folder."""
    shutil.copytree(ROOT / "data", folder)
    # More customers than videos, because some do not consent.
    sample = [BESPOKE, "sample", "--customers", str(customers * 3), "--transactions", str(customers * 120), "--out", folder]
    subprocess.run(sample, check=True, stdout=subprocess.DEVNULL)
    return folder


class Bank:
    """A folder with one campaign for the customers in generated workbooks."""

    def __init__(self, folder, data):
        self.folder, self.data = folder, data
        self.artifacts = folder / "artifacts"
        self.artifacts.mkdir(parents=True)
        (folder / "bespoke.toml").write_text(
            f"[video]\nresolution = {RESOLUTION}\n[voice]\nengine = \"{ENGINE}\"\n[local]\nconcurrency = 1\n")

    def campaign(self, limit, *options):
        """Continues the campaign up to `limit` videos. Returns the CPU seconds and the videos so far."""
        env = os.environ | {"XDG_DATA_HOME": str(self.folder.parent / "home"), "EXCEL_PASSWORD": "meridian-demo",
                            "BESPOKE_DATA": str(self.data), "BESPOKE_ASSETS": str(ROOT / "assets")}
        before = cpu_of_children()
        command = [BESPOKE, "campaign", "--limit", str(limit), "--json", *options]
        run = subprocess.run(command, capture_output=True, cwd=self.folder, env=env)
        if run.returncode not in (0, 6):
            sys.exit(run.stderr.decode())
        return cpu_of_children() - before, json.loads(run.stdout)["counts"]["published"]

    def forget_shared(self):
        """Deletes the shared speech and scenes."""
        for area in ("speech", "scenes"):
            shutil.rmtree(self.artifacts / area, ignore_errors=True)

    def held(self, area):
        """Returns the number and the megabytes of the objects in an area."""
        files = [path for path in (self.artifacts / area).rglob("*") if path.is_file()]
        return len(files), sum(path.stat().st_size for path in files) / 1e6

    def videos(self):
        """Returns the videos, oldest first."""
        return sorted(self.artifacts.glob("customers/*/*/recommendation.mp4"), key=lambda path: path.stat().st_mtime)

    def letters(self):
        """Returns the texts of all letters, oldest first."""
        texts = self.artifacts.glob("customers/*/*/recommendation.txt")
        return [path.read_text() for path in sorted(texts, key=lambda path: path.stat().st_mtime)]


def length(video):
    """Returns the seconds of a video."""
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", video]
    return float(subprocess.run(probe, capture_output=True, check=True).stdout)


def floor(seconds):
    """Returns the CPU seconds to decode and encode as many frames as an average video has."""
    return cpu_of(["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-t", f"{seconds:.2f}", "-i", LOOP,
                   "-vf", f"scale=-2:{RESOLUTION}", "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-f", "null", "-"])


def moviepy(video, folder):
    """Returns the CPU seconds of one video as the original program made it: speech, composition and encoding."""
    text, sound = folder / "letter.txt", folder / "letter.wav"
    text.write_text(" ".join(" ".join(paragraph.split()) for paragraph in body(video.with_suffix(".txt").read_text())))
    spoken = cpu_of(["espeak-ng", "-f", text, "-w", folder / "spoken.wav"])
    cpu_of(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", video, "-vn", sound])
    background = folder / "background.mp4"
    cpu_of(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", LOOP, "-an", "-vf", f"scale=-2:{RESOLUTION}", "-c:v", "libx264",
            "-preset", "fast", "-crf", "16", background])
    font = ROOT / "assets/fonts/SourceSans3-Regular.ttf"
    command = [MOVIEPY, ROOT / "tests/bench/moviepy_render.py", background, sound, video.with_suffix(".vtt"), font]
    return spoken + cpu_of([*command, folder / "moviepy.mp4"], cwd=folder)


def body(text):
    """Returns the paragraphs of a letter, without its title, terms and notes."""
    paragraphs = text.split("\n\n")[1:]
    heading = next((index for index, each in enumerate(paragraphs) if "\n---" in each), len(paragraphs))
    return paragraphs[:heading]


def new_words(letters):
    """Returns, for each letter, the number of words in sentences about offers that no earlier letter had."""
    seen, counts = set(), []
    for text in letters:
        # The greeting and the closing contain the customer's data.
        offers = " ".join(" ".join(paragraph.split()) for paragraph in body(text)[1:-1])
        new = {sentence for sentence in re.split(r"(?<=[.!?]) ", offers) if sentence} - seen
        seen |= new
        counts.append(sum(len(sentence.split()) for sentence in new))
    return counts


def measure_campaign(bank):
    """Runs the campaign in steps. Returns the CPU seconds of each step by its first and last video."""
    steps, done = {}, 0
    for limit in sorted({limit for number in SINGLE for limit in (number - 1, number)} | {CUSTOMERS // 2, CUSTOMERS}):
        if limit > done:
            cpu, published = bank.campaign(limit)
            if published <= done:
                sys.exit(f"only {done} of {CUSTOMERS} customers get a video")
            steps[(done + 1, published)] = cpu
            done = published
            print(f"{done} videos", file=sys.stderr, flush=True)
    return steps, done


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        data = generate(folder / "data", CUSTOMERS)
        bank = Bank(folder / "cold", data)
        steps, done = measure_campaign(bank)
        # The cost of continuing a campaign without a video: intake, checks, the manifest.
        idle, _ = bank.campaign(done)
        used = {span: cpu - idle for span, cpu in steps.items()}
        videos = bank.videos()
        seconds = sum(map(length, videos)) / len(videos)
        print(f"{done} videos of {seconds:.0f} s on average, {ENGINE}, {RESOLUTION}p; {idle:.1f} CPU s of each command do not "
              "depend on videos\n")
        print("| videos | CPU s each |\n|---|---|")
        for (first, last), cpu in used.items():
            print(f"| {first if first == last else f'{first} to {last}'} | {cpu / (last - first + 1):.1f} |")
        average = sum(used.values()) / done
        print(f"| average of {done} | {average:.1f} |")

        warm_bank = Bank(folder / "warm", data)
        for area in ("speech", "scenes"):
            shutil.copytree(bank.artifacts / area, warm_bank.artifacts / area)
        cpu, count = warm_bank.campaign(WARM)
        warm = (cpu - idle) / count
        print(f"| warm, average of {count} | {warm:.1f} |")

        cold_bank, off = Bank(folder / "off", data), 0.0
        for limit in range(1, OFF + 1):
            cold_bank.forget_shared()
            off += cold_bank.campaign(limit)[0] - idle
        print(f"| without reuse, average of {OFF} | {off / OFF:.1f} |")
        if MOVIEPY.exists():
            print(f"| MoviePy's way, one video of {length(videos[0]):.0f} s | {moviepy(videos[0], folder):.1f} |")
        else:
            print(f"| MoviePy's way | not measured: {MOVIEPY} is missing |")
        print(f"| floor, {seconds:.0f} s of video | {floor(seconds):.1f} |")
        simulate(bank, folder, (used, done, warm))
        print()
        for area in ("speech", "scenes"):
            count, megabytes = bank.held(area)
            print(f"{area}: {count} objects, {megabytes:.1f} MB")
        sizes = [video.stat().st_size / 1e6 for video in videos]
        print(f"a video: {sum(sizes) / len(sizes):.2f} MB, the largest {max(sizes):.2f} MB")


def simulate(bank, folder, measured):
    """Prints the average of a simulated larger campaign, and how well the first half of the measured one predicts the second."""
    used, done, warm = measured
    words = new_words(bank.letters())
    half = next((last for first, last in used if last >= done // 2), done)
    above = {until: sum(cpu for (_, last), cpu in used.items() if last <= until) - warm * until for until in (half, done)}
    if half < done and sum(words[:half]):
        each = above[half] / sum(words[:half])
        predicted = warm + each * sum(words[half:done]) / (done - half)
        actual = (above[done] - above[half]) / (done - half) + warm
        print(f"| videos {half + 1} to {done}, predicted from those before | {predicted:.1f} (measured {actual:.1f}) |")
    larger = Bank(folder / "simulated", generate(folder / "more-data", SIMULATED))
    _, count = larger.campaign(SIMULATED, "--no-video")
    each = above[done] / sum(words[:done])
    average = warm + each * sum(new_words(larger.letters())) / count
    print(f"| simulated, average of {count} | {average:.1f} |")


if __name__ == "__main__":
    main()
