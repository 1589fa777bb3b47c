"""Composes a video as the original program did, with MoviePy 2: a looped background, captions, a watermark and audio.

Uses MoviePy's default x264 preset.

Usage: moviepy_render.py BACKGROUND SOUND CAPTIONS FONT OUT
"""

import re
import sys

from moviepy import AudioFileClip, CompositeVideoClip, TextClip, VideoFileClip, vfx

BACKGROUND, SOUND, CAPTIONS, FONT, OUT = sys.argv[1:]
WATERMARK = "uses only data you agreed to share"


def seconds(stamp):
    """Returns a WebVTT timestamp in seconds."""
    hours, minutes, rest = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def cues():
    """Yields the start, end and text of each caption."""
    for block in open(CAPTIONS, encoding="utf-8").read().split("\n\n"):
        found = re.search(r"(\S+) --> (\S+)\n(.*)", block, re.DOTALL)
        if found:
            yield seconds(found[1]), seconds(found[2]), found[3].strip()


sound = AudioFileClip(SOUND)
layers = [VideoFileClip(BACKGROUND, audio=False).with_effects([vfx.Loop(duration=sound.duration)])]
for start, end, text in cues():
    caption = TextClip(font=FONT, text=text, font_size=31, color="white", bg_color=(4, 16, 29, 220), margin=(20, 10),
                       text_align="center")
    layers.append(caption.with_position(("center", 0.85), relative=True).with_start(start).with_duration(end - start))
mark = TextClip(font=FONT, text=WATERMARK, font_size=19, color="white", margin=(4, 4))
layers.append(mark.with_position((64, 36)).with_duration(sound.duration))
video = CompositeVideoClip(layers, size=(1280, 720)).with_duration(sound.duration).with_audio(sound)
video.write_videofile(OUT, fps=24, codec="libx264", audio_codec="aac", logger=None)
