#!/usr/bin/env python3
"""Draws the files of assets/logo/ as SVG and PNG.

    apt-get install librsvg2-bin
    pip install fonttools
    python3 assets/make/logo.py

The mark is a globe in outline: a rim, three fine meridians and a golden prime
meridian, tilted like the Earth's axis. The words are outlines of Source Serif 4
Display Semibold, so the SVG needs no font.
"""
import subprocess
from pathlib import Path

from fontTools.misc.transform import Transform
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont

ASSETS = Path(__file__).resolve().parent.parent
FONT = ASSETS / "fonts" / "SourceSerif4Display-Semibold.ttf"
WHITE, GOLD = "#ffffff", "#e6b366"


def words(text, x, baseline, size, spacing=0.0):
    """Returns the kerned outlines of `text`, and the x at which they end."""
    font = TTFont(FONT)
    glyphs, cmap = font.getGlyphSet(), font.getBestCmap()
    scale = size / font["head"].unitsPerEm
    pairs = kerning(font)
    paths, last = [], None
    for char in text:
        name = cmap[ord(char)]
        x += pairs.get((last, name), 0) * scale if last else 0
        pen = SVGPathPen(glyphs, ntos=lambda v: f"{v:.2f}".rstrip("0").rstrip("."))
        glyphs[name].draw(TransformPen(pen, Transform(scale, 0, 0, -scale, x, baseline)))
        paths.append(pen.getCommands())
        x += glyphs[name].width * scale + spacing
        last = name
    return "".join(paths), x - spacing


def kerning(font):
    """Returns the glyph-to-glyph kerning pairs of the `kern` feature."""
    pairs = {}
    table = font["GPOS"].table
    wanted = {i for f in table.FeatureList.FeatureRecord if f.FeatureTag == "kern" for i in f.Feature.LookupListIndex}
    for i in sorted(wanted):
        for sub in table.LookupList.Lookup[i].SubTable:
            sub = getattr(sub, "ExtSubTable", sub)
            if sub.LookupType != 2 or sub.Format != 1:
                continue
            for first, values in zip(sub.Coverage.glyphs, sub.PairSet):
                for v in values.PairValueRecord:
                    if v.Value1 is not None:
                        pairs.setdefault((first, v.SecondGlyph), getattr(v.Value1, "XAdvance", 0) or 0)
    return pairs


def mark(cx, cy, r):
    """Returns a globe in outline with center `cx`, `cy` and radius `r`."""
    wide, thin = r * 0.072, r * 0.050
    rim = r - wide / 2

    def arc(k, side, colour, width, opacity=1.0):
        return (
            f'<path d="M0 {-rim:.2f}A{rim * k:.2f} {rim:.2f} 0 0 {side} 0 {rim:.2f}" '
            f'stroke="{colour}" stroke-width="{width:.2f}" opacity="{opacity}"/>'
        )

    return (
        f'<g transform="translate({cx} {cy}) rotate(23.4)" fill="none" stroke="{WHITE}">'
        + f'<clipPath id="globe"><circle r="{rim:.2f}"/></clipPath><g clip-path="url(#globe)">'
        + arc(0.74, 0, WHITE, thin, 0.6)
        + arc(0.30, 0, WHITE, thin, 0.6)
        + arc(0.68, 1, WHITE, thin, 0.6)
        + arc(0.22, 1, GOLD, wide * 1.5)
        + f'</g><circle r="{rim:.2f}" stroke-width="{wide:.2f}"/></g>'
    )


def svg(width, height, body, title):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{title}"><title>{title}</title>{body}</svg>\n'
    )


def png(source, out, width):
    subprocess.run(["rsvg-convert", "-w", str(width), "-o", str(out), str(source)], check=True)
    print(out.name, out.stat().st_size, "bytes")


def main():
    here = ASSETS / "logo"
    here.mkdir(exist_ok=True)
    text, end = words("Meridian Bank", 142, 79, 78, 0.6)
    width = round(end + 6)
    whole = svg(width, 112, mark(56, 56, 54) + f'<path fill="{WHITE}" d="{text}"/>', "Meridian Bank")
    (here / "logo.svg").write_text(whole)
    (here / "mark.svg").write_text(svg(112, 112, mark(56, 56, 52), "Meridian Bank"))
    png(here / "logo.svg", here / "logo.png", 640)
    png(here / "mark.svg", here / "mark.png", 512)


if __name__ == "__main__":
    main()
