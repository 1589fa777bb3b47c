#!/usr/bin/env python3
"""Measures the local voice engines with an independent speech recognizer: `make voice-check`.

Each engine narrates tests/voice/texts.tsv. Each line of that file contains a text and its spoken words; "_" joins the words
that belong to one written word. PocketSphinx transcribes the audio with its own models, which gives the word error rate. It
then aligns the known words with the audio, which gives the error of the engine's word timings.

Prints a table. Fails if Kokoro's word error rate exceeds 15 %, or if the median error of the start of its words exceeds 60 ms.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import wave

import numpy
import scipy.signal
from pocketsphinx import Decoder

HERE = pathlib.Path(__file__).parent
RATE = 16_000
PADDING = 0.15
# Pronunciations that differ from the recognizer's dictionary or are missing from it.
DICTIONARY = {"meridian": "M EH R IH D IY AH N", "maria": "M AH R IY AH"}
# The recognizer's spellings, and ours.
SPELLINGS = {"dr": "doctor"}
MAX_WORD_ERROR_RATE = 0.15
MAX_START_ERROR_MS = 60


def texts():
    """Returns each text with its spoken words, grouped by written word."""
    lines = [line.split("\t") for line in (HERE / "texts.tsv").read_text().splitlines()]
    return [(written, [group.split("_") for group in spoken.split()]) for written, spoken in lines]


def speak(program, engine, folder):
    """Narrates all texts. Returns the samples at RATE, and the cues."""
    text, out, cues = (folder / f"{engine}{suffix}" for suffix in [".txt", ".wav", ".json"])
    text.write_text("\n\n".join(written for written, _ in texts()))
    subprocess.run([program, "narrate", "--text", text, "--voice", engine, "--out", out, "--cues", cues],
                   check=True, capture_output=True)
    with wave.open(str(out)) as file:
        assert file.getframerate() == 3 * RATE
        samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16)
    sound = scipy.signal.resample_poly(samples.astype(float), 1, 3).clip(-32768, 32767).astype(numpy.int16)
    return sound, json.loads(cues.read_text())


def new_decoder():
    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    for word, phones in DICTIONARY.items():
        decoder.add_word(word if decoder.lookup_word(word) is None else f"{word}(9)", phones, True)
    return decoder


def decode(decoder, sound):
    decoder.start_utt()
    decoder.process_raw(sound.tobytes(), full_utt=True)
    decoder.end_utt()


def word_errors(expected, heard):
    """Returns the Levenshtein distance between two lists of words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def transcribe(recognizer, sound):
    """Returns the words that the recognizer recognizes."""
    decode(recognizer, sound)
    heard = (recognizer.hyp().hypstr if recognizer.hyp() else "").split()
    return [SPELLINGS.get(word, word) for word in heard]


def align(aligner, words, sound):
    """Returns the start of each word in seconds, or None if the audio cannot be aligned with the words."""
    aligner.set_align_text(" ".join(words))
    decode(aligner, sound)
    segments = [segment for segment in aligner.seg() or [] if not segment.word.startswith(("<", "["))]
    return [segment.start_frame / 100 for segment in segments] if len(segments) == len(words) else None


def start_errors(cues, groups, starts, offset):
    """Returns the errors of the starts of an engine's words, in milliseconds.

    `starts` has the aligned start of each spoken word, counted from `offset`. A cue is one written word or one group."""
    assert len(cues) == len(groups), (cues, groups)
    errors, index = [], 0
    for cue, group in zip(cues, groups):
        errors.append(1000 * (cue["start"] - offset - starts[index]))
        index += len(group)
    return errors


def check(program, engine, folder, verbose):
    """Returns the measurements of one engine."""
    sound, cues = speak(program, engine, folder)
    recognizer, aligner = new_decoder(), new_decoder()
    wrong, total, unaligned, errors = 0, 0, 0, []
    for index, (_, groups) in enumerate(texts()):
        sentences = [sentence for sentence in cues["sentences"] if sentence["segment"] == index]
        start = max(sentences[0]["start"] - PADDING, 0)
        part = sound[round(start * RATE):round((sentences[-1]["end"] + PADDING) * RATE)]
        spoken = [word for group in groups for word in group]
        heard = transcribe(recognizer, part)
        wrong += word_errors(spoken, heard)
        total += len(spoken)
        if verbose:
            print(f"  {word_errors(spoken, heard)}  {' '.join(heard)}")
        starts = align(aligner, spoken, part)
        if starts is None:
            unaligned += 1
            continue
        word_cues = [word for sentence in sentences for word in sentence["words"]]
        errors += start_errors(word_cues, groups, starts, start)
    return {"engine": engine, "words": total, "word_error_rate": wrong / total, "timing": cues["timing"],
            "median": statistics.median(map(abs, errors)), "bias": statistics.median(errors),
            "worst": sorted(map(abs, errors))[int(0.95 * len(errors))],
            "words_per_minute": cues["words_per_minute"], "unaligned": unaligned}


def is_good_enough(found):
    return (found["word_error_rate"] <= MAX_WORD_ERROR_RATE and found["median"] <= MAX_START_ERROR_MS
            and not found["unaligned"])


def main():
    parser = argparse.ArgumentParser(description="Measure the local voice engines with a speech recognizer.")
    parser.add_argument("program", help="the bespoke command")
    parser.add_argument("engines", nargs="*", default=["kokoro", "espeak"], help="kokoro and espeak by default")
    parser.add_argument("--verbose", action="store_true", help="print the recognized words")
    options = parser.parse_args()
    print(f"{'engine':<10}{'words/min':>10}{'words':>7}{'WER %':>8}   starts: {'median ms':>10}{'bias':>7}{'95 %':>7}")
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        for engine in options.engines:
            found = check(options.program, engine, pathlib.Path(folder), options.verbose)
            print(f"{engine:<10}{found['words_per_minute']:>10.0f}{found['words']:>7}{100 * found['word_error_rate']:>8.1f}"
                  f"           {found['median']:>10.0f}{found['bias']:>7.0f}{found['worst']:>7.0f}"
                  f"  ({found['timing']}; {found['unaligned']} sentences could not be aligned)")
            passed &= engine != "kokoro" or is_good_enough(found)
    sys.exit(0 if passed else "Kokoro exceeds the limit for the word error rate or for the start of words")


if __name__ == "__main__":
    main()
