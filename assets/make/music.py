#!/usr/bin/env python3
"""Synthesizes the music beds, assets/music/meridian-*.flac: one for each mood.

    apt-get install ffmpeg
    pip install numpy
    python3 assets/make/music.py

Each piece loops without a seam. Its time is a circle, so a sound that passes
the end continues at the beginning. Reverb and equalizer are circular
convolutions, and slow modulations make a whole number of turns.
"""
import argparse
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 48_000
LOUDNESS = -20.0
OUT = Path(__file__).resolve().parent.parent / "music"


@dataclass(frozen=True)
class Mood:
    """A piece of music."""

    bar: float  # seconds
    # One chord a bar: bass, pad, and the notes the bells may take (MIDI numbers).
    chords: list
    # For each bar, the eighths at which a bell sounds, with the index of the note in the chord.
    figures: list
    pad: float = 0.22
    bass: float = 0.24
    bells: float = 0.115
    decay: float = 1.0  # of bells, relative to the calm piece
    seed: int = 20

    @property
    def length(self):
        """The number of samples."""
        return round(self.bar * len(self.chords) * RATE)


MOODS = {
    # The default: warm pads and soft bells.
    "calm": Mood(
        bar=9.6,
        chords=[
            (38, (57, 62, 64, 66), (74, 76, 78, 81)),  # D add9
            (35, (57, 59, 62, 66), (74, 78, 81, 83)),  # B minor 7
            (43, (59, 62, 66, 69), (74, 78, 71, 81)),  # G major 9
            (45, (57, 62, 64, 69), (76, 74, 81, 69)),  # A sus 4
            (42, (57, 62, 66, 69), (78, 74, 81, 69)),  # D over F sharp
            (40, (55, 59, 62, 66), (71, 74, 78, 76)),  # E minor 9
            (43, (57, 59, 62, 66), (74, 71, 78, 81)),  # G major 9
            (45, (57, 59, 62, 64), (76, 71, 74, 69)),  # A sus 4 add9
        ],
        figures=[
            ((0, 0), (2, 2), (3, 1), (6, 3)),
            ((1, 1), (4, 2), (5, 0)),
            ((0, 1), (2, 0), (3, 3), (5, 1)),
            ((1, 0), (4, 1), (7, 2)),
            ((0, 2), (2, 1), (3, 0), (6, 3)),
            ((1, 2), (3, 3), (4, 1)),
            ((0, 3), (2, 2), (5, 0), (6, 1)),
            ((2, 0), (4, 2)),
        ],
    ),
    # For formal and brief letters: open fifths that hardly move, and a single low bell now and then.
    "still": Mood(
        bar=9.6,
        chords=[
            (36, (55, 60, 62, 67), (67, 72, 74, 79)),  # C add9 without a third
            (41, (53, 60, 65, 67), (65, 72, 67, 77)),  # F add9 without a third
            (45, (52, 57, 64, 67), (69, 64, 72, 76)),  # A minor 7
            (43, (55, 57, 62, 67), (67, 74, 69, 71)),  # G sus 2
        ],
        figures=[((0, 0), (4, 2)), ((2, 1),), ((0, 0), (5, 2)), ((3, 1),)],
        pad=0.26,
        bass=0.20,
        bells=0.085,
        decay=1.3,
        seed=31,
    ),
    # For lively letters: short plucked bells in quick figures over brighter chords.
    "bright": Mood(
        bar=4.8,
        chords=[
            (43, (59, 62, 67, 69), (74, 79, 83, 81)),  # G add9
            (38, (57, 62, 66, 69), (78, 74, 81, 69)),  # D
            (40, (59, 64, 67, 71), (76, 79, 83, 71)),  # E minor
            (36, (60, 62, 64, 67), (76, 79, 84, 74)),  # C add9
            (43, (59, 62, 67, 71), (79, 74, 83, 86)),  # G
            (42, (57, 62, 66, 69), (78, 81, 74, 86)),  # D over F sharp
            (36, (60, 64, 67, 71), (79, 76, 83, 84)),  # C major 7
            (38, (57, 62, 67, 69), (81, 79, 74, 78)),  # D sus 4
        ],
        figures=[
            ((0, 0), (1, 1), (3, 2), (4, 0), (6, 1)),
            ((0, 1), (2, 0), (3, 2), (5, 1), (6, 0)),
            ((0, 0), (1, 2), (3, 1), (4, 2), (7, 0)),
            ((0, 1), (2, 2), (4, 0), (5, 1)),
            ((0, 2), (1, 0), (3, 1), (4, 3), (6, 0)),
            ((0, 0), (2, 1), (3, 2), (5, 3), (6, 1)),
            ((0, 3), (1, 2), (3, 0), (4, 1), (7, 2)),
            ((0, 0), (2, 1), (4, 2), (6, 0)),
        ],
        pad=0.15,
        bass=0.20,
        bells=0.15,
        decay=0.5,
        seed=42,
    ),
}


def hertz(note):
    """Returns the frequency of a MIDI note."""
    return 440.0 * 2 ** ((note - 69) / 12)


def place(mix, start, tone, pan):
    """Adds a mono tone at `start` seconds, `pan` from 0 (left) to 1 (right)."""
    at = (round(start * RATE) + np.arange(len(tone))) % mix.shape[1]
    mix[0, at] += tone * np.cos(pan * np.pi / 2)
    mix[1, at] += tone * np.sin(pan * np.pi / 2)


def pad_note(note, seconds, rng):
    t = np.arange(round(seconds * RATE)) / RATE
    rise, fall = 3.4, 4.6
    shape = np.minimum(1, t / rise) * np.minimum(1, (seconds - t) / fall)
    shape = np.sin(np.pi / 2 * shape) ** 2
    voices = []
    for cents in (-5.0, 0.0, 6.0):
        f = hertz(note) * 2 ** (cents / 1200)
        tone = np.zeros_like(t)
        for k, level in enumerate((1.0, 0.34, 0.15, 0.06, 0.025), 1):
            breath = 1 + 0.25 * np.sin(2 * np.pi * (0.07 + 0.03 * k) * t + rng.uniform(0, 2 * np.pi))
            tone += level * breath * np.sin(2 * np.pi * f * k * t + rng.uniform(0, 2 * np.pi))
        voices.append(tone * shape / 3)
    return voices


def bass_note(note, seconds):
    t = np.arange(round(seconds * RATE)) / RATE
    shape = np.sin(np.pi / 2 * np.minimum(1, t / 1.6) * np.minimum(1, (seconds - t) / 3.0)) ** 2
    w = 2 * np.pi * hertz(note) * t
    return shape * (np.sin(w) + 0.30 * np.sin(2 * w + 0.4) + 0.08 * np.sin(3 * w + 1.1))


def bell(note, velocity, decay):
    t = np.arange(round(5.5 * RATE)) / RATE
    f = hertz(note)
    tone = (
        np.exp(-t / (1.30 * decay)) * np.sin(2 * np.pi * f * t)
        + 0.20 * np.exp(-t / (0.55 * decay)) * np.sin(2 * np.pi * 2.001 * f * t)
        + 0.05 * velocity * np.exp(-t / (0.16 * decay)) * np.sin(2 * np.pi * 3.99 * f * t)
        + 0.16 * np.exp(-t / (1.90 * decay)) * np.sin(2 * np.pi * 0.5 * f * t)
    )
    attack = np.sin(np.pi / 2 * np.minimum(1, t / 0.014)) ** 2
    release = np.sin(np.pi / 2 * np.minimum(1, (t[-1] - t) / 0.8)) ** 2
    return velocity * tone * attack * release


def circular(signal, response):
    """Returns the circular convolution of each channel."""
    n = signal.shape[1]
    return np.fft.irfft(np.fft.rfft(signal) * np.fft.rfft(response, n), n)


def room(rng):
    """Returns the response of a soft, dark hall: 30 ms late, about 3 s long, different on each side."""
    t = np.arange(round(4.5 * RATE)) / RATE
    tail = rng.standard_normal((2, len(t))) * np.exp(-t * 6.9 / 3.2) * np.minimum(1, t / 0.05)
    f = np.fft.rfftfreq(len(t), 1 / RATE)
    tail = np.fft.irfft(np.fft.rfft(tail) / (1 + (f / 1500) ** 2) * (f / (f + 120)), len(t))
    tail = np.concatenate([np.zeros((2, round(0.03 * RATE))), tail], 1)
    return tail / np.sqrt((tail**2).sum(1, keepdims=True))


def equalize(signal):
    """Cuts rumble, lowers 1 to 4 kHz to leave room for speech, and rolls off the treble."""
    f = np.maximum(np.fft.rfftfreq(signal.shape[1], 1 / RATE), 1e-3)
    rumble = 1 / np.sqrt(1 + (42 / f) ** 6)
    room_for_speech = 10 ** (-7 / 20 * np.exp(-((np.log2(f / 2000) / 1.15) ** 2)))
    top = 1 / np.sqrt(1 + (f / 6500) ** 4)
    return np.fft.irfft(np.fft.rfft(signal) * rumble * room_for_speech * top, signal.shape[1])


def compose(mood):
    rng = np.random.default_rng(mood.seed)
    dry, bells = np.zeros((2, mood.length)), np.zeros((2, mood.length))
    for bar, ((low, pad, high), figure) in enumerate(zip(mood.chords, mood.figures)):
        start = bar * mood.bar
        for n, note in enumerate(pad):
            for k, voice in enumerate(pad_note(note, mood.bar + 4.2, rng)):
                place(dry, start - 1.6, mood.pad * voice, 0.5 + (k - 1) * (0.22 + 0.05 * n))
        place(dry, start - 0.5, mood.bass * bass_note(low, mood.bar + 2.4), 0.5)
        for eighth, which in figure:
            late = rng.uniform(0, 0.035)
            velocity = rng.uniform(0.65, 1.0) * (0.8 if eighth % 2 else 1.0)
            tone = mood.bells * bell(high[which], velocity, mood.decay)
            place(bells, start + eighth * mood.bar / 8 + late, tone, rng.uniform(0.3, 0.7))
    hall = room(rng)
    mix = dry + 0.45 * circular(dry, hall) + 0.85 * bells + 0.75 * circular(bells, hall)
    turn = 2 * np.pi * np.arange(mood.length) / mood.length
    return equalize(mix * (1 + 0.06 * np.sin(2 * turn)))


def loudness(mix):
    """Returns the integrated loudness in LUFS."""
    raw = mix.T.astype("<f4").tobytes()
    log = subprocess.run(
        ["ffmpeg", "-nostats", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-",
         "-af", "ebur128=framelog=verbose", "-f", "null", "-"],
        input=raw, capture_output=True, check=True,
    ).stderr.decode()  # fmt: skip
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", log)[-1])


def write(mood, out):
    """Composes a piece and writes it as FLAC."""
    mix = compose(mood)
    mix *= 0.25 / np.abs(mix).max()
    mix *= 10 ** ((LOUDNESS - loudness(mix)) / 20)
    dither = np.random.default_rng(7).random((2, *mix.shape))
    samples = np.round(mix * 32767 + dither[0] - dither[1])
    assert np.abs(samples).max() < 32767
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "-",
         "-c:a", "flac", "-compression_level", "12", "-map_metadata", "-1",
         "-fflags", "+bitexact", "-flags", "+bitexact", str(out)],
        input=samples.T.astype("<i2").tobytes(), check=True,
    )  # fmt: skip
    print(out.name, out.stat().st_size, "bytes,", mood.length / RATE, "s")


def main():
    args = argparse.ArgumentParser(description="Synthesize the music beds.")
    args.add_argument("moods", nargs="*", help=f"of {', '.join(MOODS)}; all by default")
    args.add_argument("--out", type=Path, default=OUT)
    args = args.parse_args()
    args.out.mkdir(exist_ok=True)
    for name in args.moods or MOODS:
        write(MOODS[name], args.out / f"meridian-{name}.flac")


if __name__ == "__main__":
    main()
