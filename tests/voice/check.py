#!/usr/bin/env python3
"""What an independent recogniser hears of each engine that runs here: `make voice-check`.

Speaks tests/voice/texts.tsv (the text, and how a person would say it: the words of one written word are joined by "_").
PocketSphinx with its own model and language model writes down what it hears, from which the word error rate comes; told
the words, it finds where each starts, against which the engine's own times are held. Prints a table, and fails if
Kokoro's word error rate is above 15 % or its median error of a word's start above 60 ms.
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
# How names and words are said here that the dictionary lacks or has otherwise.
DICTIONARY = {"meridian": "M EH R IH D IY AH N", "maria": "M AH R IY AH"}
# The same word in the recogniser's own spelling.
SPELLINGS = {"dr": "doctor"}
MOST_WRONG, MOST_MILLISECONDS = 0.15, 60


def texts():
    lines = [line.split("\t") for line in (HERE / "texts.tsv").read_text().splitlines()]
    return [(shown, [word.split("_") for word in said.split()]) for shown, said in lines]


def speak(program, engine, folder):
    """The sound at RATE, and the cues."""
    text, out, cues = (folder / f"{engine}{end}" for end in [".txt", ".wav", ".json"])
    text.write_text("\n\n".join(shown for shown, _ in texts()))
    subprocess.run([program, "narrate", "--text", text, "--voice", engine, "--out", out, "--cues", cues],
                   check=True, capture_output=True)
    with wave.open(str(out)) as file:
        assert file.getframerate() == 3 * RATE
        samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16)
    sound = scipy.signal.resample_poly(samples.astype(float), 1, 3).clip(-32768, 32767).astype(numpy.int16)
    return sound, json.loads(cues.read_text())


def decoder():
    made = Decoder(samprate=RATE, loglevel="FATAL")
    for word, phones in DICTIONARY.items():
        made.add_word(word if made.lookup_word(word) is None else f"{word}(9)", phones, True)
    return made


def hear(made, sound):
    made.start_utt()
    made.process_raw(sound.tobytes(), full_utt=True)
    made.end_utt()


def errors(expected, heard):
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def check(program, engine, folder, loud):
    sound, cues = speak(program, engine, folder)
    recogniser, aligner = decoder(), decoder()
    wrong, words, lost, off = 0, 0, 0, []
    for index, (_, said) in enumerate(texts()):
        sentences = [sentence for sentence in cues["sentences"] if sentence["segment"] == index]
        start = sentences[0]["start"] - PADDING
        part = sound[round(max(start, 0) * RATE):round((sentences[-1]["end"] + PADDING) * RATE)]
        start = max(start, 0)
        spoken = [word for group in said for word in group]
        hear(recogniser, part)
        heard = (recogniser.hyp().hypstr if recogniser.hyp() else "").split()
        heard = [SPELLINGS.get(word, word) for word in heard]
        wrong, words = wrong + errors(spoken, heard), words + len(spoken)
        if loud:
            print(f"  {errors(spoken, heard)}  {' '.join(heard)}")
        aligner.set_align_text(" ".join(spoken))
        hear(aligner, part)
        # Speech that is too far from the words cannot be aligned at all: the sentence is left out, and counted.
        found = [segment for segment in aligner.seg() or [] if not segment.word.startswith(("<", "["))]
        if len(found) != len(spoken):
            lost += 1
            continue
        shown = [word for sentence in sentences for word in sentence["words"]]
        assert len(shown) == len(said), (shown, said)
        at = 0
        for word, group in zip(shown, said):
            off.append(1000 * (word["start"] - start - found[at].start_frame / 100))
            at += len(group)
    return {"engine": engine, "words": words, "wer": wrong / words, "timing": cues["timing"],
            "median": statistics.median(map(abs, off)), "bias": statistics.median(off),
            "worst": sorted(map(abs, off))[int(0.95 * len(off))], "wpm": cues["words_per_minute"], "lost": lost}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("engines", nargs="*", default=["kokoro", "espeak"])
    parser.add_argument("--loud", action="store_true", help="print what is heard")
    options = parser.parse_args()
    print(f"{'engine':<10}{'words/min':>10}{'words':>7}{'WER %':>8}   starts: {'median ms':>10}{'bias':>7}{'95 %':>7}")
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        for engine in options.engines:
            found = check(options.program, engine, pathlib.Path(folder), options.loud)
            print(f"{engine:<10}{found['wpm']:>10.0f}{found['words']:>7}{100 * found['wer']:>8.1f}           "
                  f"{found['median']:>10.0f}{found['bias']:>7.0f}{found['worst']:>7.0f}  ({found['timing']}; {found['lost']} sentences could not be aligned)")
            bad |= engine == "kokoro" and (found["wer"] > MOST_WRONG or found["median"] > MOST_MILLISECONDS or found["lost"])
    sys.exit("Kokoro is not as good as it must be" if bad else 0)


main()
