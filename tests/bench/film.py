#!/usr/bin/env python3
"""Measures the videos of the nine sample customers from the outside: from their pictures, captions, texts and records.

  still        the longest time without a visible change while the voice speaks, at most 3 s; captions do not count
  claims       approved claims that are spoken, and the largest time between a claim's first word and its entrance, at most 0.3 s
  lines        legal lines, the opt-out and the voice notice: all are spoken
  end card     its seconds, and those that its words need: at least 5 s, and a second for three words
  contrast     the lowest contrast of text, at least 4.5:1; the render measures it in its own frames
  overlaps     a render fails if elements overlap, so each published video has none

Prints a table, and fails if a measure is out of range. A resolution of 540 is enough: a render draws the same layout at every
resolution, and measures contrast from 540 upward.

Usage: film.py BESPOKE [RESOLUTION [ENGINE [FOLDER]]]; the defaults are 540, espeak and a temporary folder. Videos in FOLDER
from an earlier call are measured again instead of rendered.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BESPOKE = pathlib.Path(sys.argv[1]).absolute()
RESOLUTION = int(sys.argv[2]) if len(sys.argv) > 2 else 540
ENGINE = sys.argv[3] if len(sys.argv) > 3 else "espeak"
RATE = 24
# The size in which pictures are compared. Enough to see a claim, a growing bar and a drawing that drifts.
WIDTH, HEIGHT = 480, 270
# The captions of a layout of 1080 rows, with a margin.
CAPTION_ROWS = range(int(HEIGHT * 830 / 1080), HEIGHT)
# A change: this many pixels differ by this many levels of brightness.
PIXELS, LEVELS = 6, 8
# A claim that enters changes some hundred pixels. Traces of compression change a few.
CLAIM_PIXELS = 60
MAX_STILL, MAX_DELAY, MIN_CONTRAST = 3.0, 0.3, 4.5


def render(folder):
    """Renders the videos of all sample customers who get one."""
    (folder / "bespoke.toml").write_text(f"[video]\nresolution = {RESOLUTION}\n[voice]\nengine = \"{ENGINE}\"\n")
    env = os.environ | {"XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
                        "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
    run = subprocess.run([BESPOKE, "campaign", "--json"], cwd=folder, env=env, capture_output=True)
    if run.returncode not in (0, 6):
        sys.exit(run.stderr.decode())


def frames(video):
    """Returns all frames as rows of brightness."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", video, "-vf", f"scale={WIDTH}:{HEIGHT}:flags=area,format=gray", "-f",
               "rawvideo", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return [raw[start:start + WIDTH * HEIGHT] for start in range(0, len(raw), WIDTH * HEIGHT)]


def differs(one, other, rows=range(HEIGHT), columns=(0, WIDTH), pixels=PIXELS):
    """Returns whether at least this many pixels of two frames visibly differ in an area."""
    left, right = columns
    found = 0
    for row in rows:
        a, b = one[row * WIDTH + left:row * WIDTH + right], other[row * WIDTH + left:row * WIDTH + right]
        if a != b:
            found += sum(abs(x - y) > LEVELS for x, y in zip(a, b))
            if found >= pixels:
                return True
    return False


def cues(path):
    """Returns the captions as (start, end, text)."""
    seconds = lambda time: sum(float(part) * 60 ** power for power, part in enumerate(reversed(time.split(":"))))
    found = []
    for block in path.read_text().split("\n\n"):
        lines = block.strip().split("\n")
        at = next((index for index, line in enumerate(lines) if " --> " in line), None)
        if at is not None:
            start, end = lines[at].split(" --> ")
            found.append((seconds(start), seconds(end), " ".join(lines[at + 1:])))
    return found


def plain(text):
    """Returns the letters and digits of a text, for comparison."""
    return re.sub(r"\W+", " ", text).strip().lower()


def starts_of(text, captions):
    """Returns the start of each caption with which a text begins."""
    words = plain(text).split()
    starts = []
    for index, (start, _, _) in enumerate(captions):
        following = plain(" ".join(each for _, _, each in captions[index:index + 8])).split()
        if following[:len(words)] == words:
            starts.append(start)
    return starts


def claim_area():
    """Returns the rows and columns in which an offer in 16:9 shows its claims."""
    tree = ElementTree.parse(ROOT / "assets/scenes/offer.16x9.svg")
    boxes = [box for box in tree.iter() if re.fullmatch(r"claim-\d", box.get("id", ""))]
    number = lambda box, name: float(box.get(name))
    scale = HEIGHT / 1080
    top, left = min(number(box, "y") for box in boxes), min(number(box, "x") for box in boxes)
    bottom = max(number(box, "y") + number(box, "height") for box in boxes)
    right = max(number(box, "x") + number(box, "width") for box in boxes)
    # Short texts above the claims move them up.
    return range(int((top - 150) * scale), int(bottom * scale)), (int(left * scale), int(right * scale))


def longest_still(pictures, captions, end_card):
    """Returns the longest time without a visible change between the first and the last word, and when it begins."""
    longest, since, begins = 0.0, captions[0][0], 0.0
    last = pictures[round(since * RATE)]
    for index in range(round(captions[0][0] * RATE), min(len(pictures), round(captions[-1][1] * RATE))):
        rows = range(HEIGHT) if index / RATE >= end_card else range(CAPTION_ROWS.start)
        if differs(last, pictures[index], rows):
            since, last = index / RATE, pictures[index]
        elif index / RATE - since > longest:
            longest, begins = index / RATE - since, since
    return longest, begins


def entrance(pictures, at, area):
    """Returns the time between the first word of a claim at `at` seconds and the first change in its area."""
    first = max(0, round((at - 0.5) * RATE))
    for index in range(first, min(len(pictures), first + RATE * 3)):
        if differs(pictures[first], pictures[index], *area, CLAIM_PIXELS):
            return index / RATE - at
    return float("inf")


def measure(folder, claims, area):
    """Returns the row of a video, and its problems."""
    video = folder / "recommendation.mp4"
    text, captions = (folder / "recommendation.txt").read_text(), cues(folder / "recommendation.vtt")
    media = json.loads((folder / "render.json").read_text())["media"]
    pictures = frames(video)
    spoken = plain(" ".join(each for _, _, each in captions))
    *_, notes, about = [part for part in re.split(r"\n\n[^\n]+\n-+\n\n", text)]
    # The names of its products precede a line.
    lines = [re.sub(r"^[^:.]+: ", "", " ".join(note.split())) for note in notes.split("\n\n")]
    lines.append(" ".join(about.split("\n\n")[0].split()))
    unspoken = [line for line in lines if plain(line) not in spoken]
    bank_line = next(line for line, note in zip(lines, notes.split("\n\n")) if " ".join(note.split()) == line)
    end_card = starts_of(bank_line, captions)[-1] - 0.25
    shown = [line for line, note in zip(lines, notes.split("\n\n")) if " ".join(note.split()) == line] + lines[-1:]
    needed = max(5.0, sum(len(line.split()) for line in shown) / 3)
    lasts = media["seconds"] - end_card
    still, begins = longest_still(pictures, captions, end_card)
    delays = [entrance(pictures, start, area) for claim in claims for start in starts_of(claim, captions)]
    delay = max(delays, key=abs, default=0.0)
    problems = [f"{line!r} is not spoken" for line in unspoken]
    problems += [f"nothing changes for {still:.1f} s from {begins:.1f} s"] * (still > MAX_STILL)
    problems += [f"a claim enters {delay:.2f} s from its first word"] * (abs(delay) > MAX_DELAY)
    problems += [f"the end card lasts {lasts:.1f} s and needs {needed:.1f} s"] * (lasts < needed)
    problems += [f"the contrast is {media['contrast']:.1f}:1"] * (media["contrast"] < MIN_CONTRAST)
    offers = text.count(": rates and terms\n")
    row = [text.split("\n")[0], offers, f"{media['seconds']:.1f}", f"{still:.1f}", f"{len(delays)}, {delay:+.2f}",
           f"{len(lines) - len(unspoken)} of {len(lines)}", f"{lasts:.1f} of {needed:.1f}", f"{media['contrast']:.1f}",
           f"{video.stat().st_size / 1e6:.2f}"]
    return row, problems + media["warnings"] * (offers == 3)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else name).absolute()
        folder.mkdir(exist_ok=True)
        if not list(folder.glob("artifacts/customers/*/*/recommendation.mp4")):
            render(folder)
        products = json.loads((ROOT / "data/catalogue.json").read_text())["products"]
        texts = [product for product in products] + [each for product in products for each in product.get("translations", {}).values()]
        claims = [claim for product in texts for claim in product.get("approved_claims", [])]
        print("| letter | offers | seconds | still, s | claims, s | lines spoken | end card, s | contrast | MB |\n" + "|---" * 9 + "|")
        failed = []
        for video in sorted(folder.glob("artifacts/customers/*/*/recommendation.mp4")):
            row, problems = measure(video.parent, set(claims), claim_area())
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            failed += [f"{row[0]}: {problem}" for problem in problems]
    print()
    print("\n".join(failed) or "all measures are in range")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
