#!/usr/bin/env python3
"""Synthesizes the background music, assets/music/meridian-calm.flac.

    apt-get install ffmpeg
    pip install numpy
    python3 assets/make/music.py

The piece is a circle of 76.8 s without a seam: notes that ring past the end
continue at the beginning, reverb and equalizer are circular convolutions, and
slow modulations complete a whole number of periods.
"""
import argparse
import re
import subprocess
from pathlib import Path

import numpy as np

RATE = 48_000
BAR = 9.6
LOUDNESS = -20.0
OUT = Path(__file__).resolve().parent.parent / "music" / "meridian-calm.flac"

# One chord per bar: bass, pad, and the notes for the bells (MIDI numbers).
CHORDS = [
    (38, (57, 62, 64, 66), (74, 76, 78, 81)),  # D add9
    (35, (57, 59, 62, 66), (74, 78, 81, 83)),  # B minor 7
    (43, (59, 62, 66, 69), (74, 78, 71, 81)),  # G major 9
    (45, (57, 62, 64, 69), (76, 74, 81, 69)),  # A sus 4
    (42, (57, 62, 66, 69), (78, 74, 81, 69)),  # D over F sharp
    (40, (55, 59, 62, 66), (71, 74, 78, 76)),  # E minor 9
    (43, (57, 59, 62, 66), (74, 71, 78, 81)),  # G major 9
    (45, (57, 59, 62, 64), (76, 71, 74, 69)),  # A sus 4 add9
]
# The bells of each bar: the eighth at which each sounds, and the index of its note.
FIGURES = [
    ((0, 0), (2, 2), (3, 1), (6, 3)),
    ((1, 1), (4, 2), (5, 0)),
    ((0, 1), (2, 0), (3, 3), (5, 1)),
    ((1, 0), (4, 1), (7, 2)),
    ((0, 2), (2, 1), (3, 0), (6, 3)),
    ((1, 2), (3, 3), (4, 1)),
    ((0, 3), (2, 2), (5, 0), (6, 1)),
    ((2, 0), (4, 2)),
]
LENGTH = round(BAR * len(CHORDS) * RATE)


def hertz(note):
    return 440.0 * 2 ** ((note - 69) / 12)


def place(mix, start, tone, pan):
    """Adds a mono tone at `start` seconds, `pan` from 0 (left) to 1 (right)."""
    at = (round(start * RATE) + np.arange(len(tone))) % LENGTH
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


def bell(note, velocity):
    t = np.arange(round(5.5 * RATE)) / RATE
    f = hertz(note)
    tone = (
        np.exp(-t / 1.30) * np.sin(2 * np.pi * f * t)
        + 0.20 * np.exp(-t / 0.55) * np.sin(2 * np.pi * 2.001 * f * t)
        + 0.05 * velocity * np.exp(-t / 0.16) * np.sin(2 * np.pi * 3.99 * f * t)
        + 0.16 * np.exp(-t / 1.90) * np.sin(2 * np.pi * 0.5 * f * t)
    )
    attack = np.sin(np.pi / 2 * np.minimum(1, t / 0.014)) ** 2
    release = np.sin(np.pi / 2 * np.minimum(1, (t[-1] - t) / 0.8)) ** 2
    return velocity * tone * attack * release


def circular(signal, response):
    """Convolves each channel circularly."""
    n = signal.shape[1]
    return np.fft.irfft(np.fft.rfft(signal) * np.fft.rfft(response, n), n)


def room(rng):
    """Returns the response of a soft, dark hall: 30 ms predelay, about 3 s, stereo."""
    t = np.arange(round(4.5 * RATE)) / RATE
    tail = rng.standard_normal((2, len(t))) * np.exp(-t * 6.9 / 3.2) * np.minimum(1, t / 0.05)
    f = np.fft.rfftfreq(len(t), 1 / RATE)
    tail = np.fft.irfft(np.fft.rfft(tail) / (1 + (f / 1500) ** 2) * (f / (f + 120)), len(t))
    tail = np.concatenate([np.zeros((2, round(0.03 * RATE))), tail], 1)
    return tail / np.sqrt((tail**2).sum(1, keepdims=True))


def equalize(signal):
    """Cuts rumble and treble, and leaves 1 to 4 kHz to the voice."""
    f = np.maximum(np.fft.rfftfreq(signal.shape[1], 1 / RATE), 1e-3)
    rumble = 1 / np.sqrt(1 + (42 / f) ** 6)
    room_for_speech = 10 ** (-7 / 20 * np.exp(-((np.log2(f / 2000) / 1.15) ** 2)))
    top = 1 / np.sqrt(1 + (f / 6500) ** 4)
    return np.fft.irfft(np.fft.rfft(signal) * rumble * room_for_speech * top, signal.shape[1])


def compose():
    rng = np.random.default_rng(20)
    dry, bells = np.zeros((2, LENGTH)), np.zeros((2, LENGTH))
    for bar, ((low, pad, high), figure) in enumerate(zip(CHORDS, FIGURES)):
        start = bar * BAR
        for n, note in enumerate(pad):
            for k, voice in enumerate(pad_note(note, BAR + 4.2, rng)):
                place(dry, start - 1.6, 0.22 * voice, 0.5 + (k - 1) * (0.22 + 0.05 * n))
        place(dry, start - 0.5, 0.24 * bass_note(low, BAR + 2.4), 0.5)
        for eighth, which in figure:
            late = rng.uniform(0, 0.035)
            velocity = rng.uniform(0.65, 1.0) * (0.8 if eighth % 2 else 1.0)
            place(bells, start + eighth * BAR / 8 + late, 0.115 * bell(high[which], velocity), rng.uniform(0.3, 0.7))
    hall = room(rng)
    mix = dry + 0.45 * circular(dry, hall) + 0.85 * bells + 0.75 * circular(bells, hall)
    turn = 2 * np.pi * np.arange(LENGTH) / LENGTH
    return equalize(mix * (1 + 0.06 * np.sin(2 * turn)))


def loudness(mix):
    raw = mix.T.astype("<f4").tobytes()
    log = subprocess.run(
        ["ffmpeg", "-nostats", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-",
         "-af", "ebur128=framelog=verbose", "-f", "null", "-"],
        input=raw, capture_output=True, check=True,
    ).stderr.decode()  # fmt: skip
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", log)[-1])


def main():
    args = argparse.ArgumentParser(description="Synthesize the background music.")
    args.add_argument("--out", type=Path, default=OUT)
    args = args.parse_args()
    mix = compose()
    mix *= 0.25 / np.abs(mix).max()
    mix *= 10 ** ((LOUDNESS - loudness(mix)) / 20)
    dither = np.random.default_rng(7).random((2, *mix.shape))
    samples = np.round(mix * 32767 + dither[0] - dither[1])
    assert np.abs(samples).max() < 32767
    args.out.parent.mkdir(exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "-",
         "-c:a", "flac", "-compression_level", "12", "-map_metadata", "-1",
         "-fflags", "+bitexact", "-flags", "+bitexact", str(args.out)],
        input=samples.T.astype("<i2").tobytes(), check=True,
    )  # fmt: skip
    print(args.out.name, args.out.stat().st_size, "bytes,", LENGTH / RATE, "s")


if __name__ == "__main__":
    main()
