#!/usr/bin/env python3
"""Builds the fonts of the staff's page in functions/api/page and of the customer's page in
assets/page: small subsets of Source Sans 3 and Source Serif 4 Display (OFL-1.1). Their names avoid the reserved font
name, as the license requires.

    pip install fonttools brotli
    python3 assets/make/page_fonts.py

The main files have English letters and typographic signs. Separate files have
the other letters of European and Vietnamese names; a browser fetches them when
a name needs one. Other scripts use the viewer's own fonts.
"""
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent.parent
FONTS = ROOT / "assets" / "fonts"
PAGE = ROOT / "functions" / "api" / "page"

PRINT = set(range(0x20, 0x7F)) | {ord(c) for c in "\u00a0\u2009\u202f–—‘’“”…•·−×©"}
SIGNS = {ord(c) for c in "←→≥≤‹›®™′″«»§°±²³¹½¼¾£¥€¢¡¿"}
LETTERS = set(range(0xC0, 0x100)) - {0xD7, 0xF7}
NAMES = LETTERS | set(range(0x100, 0x180)) | {0x1A0, 0x1A1, 0x1AF, 0x1B0} | set(range(0x218, 0x21C)) | set(range(0x1EA0, 0x1EFA))

CUTS = [
    ("SourceSans3-Regular.ttf", "sans.woff2", "Bespoke Sans", "Regular", PRINT | SIGNS),
    ("SourceSans3-Regular.ttf", "sans-names.woff2", "Bespoke Sans Names", "Regular", NAMES),
    ("SourceSans3-Semibold.ttf", "sans-semibold.woff2", "Bespoke Sans", "Semibold", PRINT | LETTERS),
    ("SourceSerif4Display-Regular.ttf", "serif.woff2", "Bespoke Serif", "Regular", PRINT),
    ("SourceSerif4Display-Regular.ttf", "serif-names.woff2", "Bespoke Serif Names", "Regular", NAMES),
]

# The fonts of the customer's page: a brand's `page` table in brand.toml names them. A page with its fonts has less than
# 60 KB, so they hold the letters of Western European names only, and kerning for headings only.
FEW = set(range(0x20, 0x7F)) | {ord(c) for c in "\u00a0–—‘’“”…·®©"} | LETTERS
ASSETS = ROOT / "assets"
BRAND_CUTS = [
    ("SourceSerif4Display-Semibold.ttf", ASSETS / "page" / "title.woff2", "Bespoke Brand Title", "Regular", FEW, ["kern"]),
    ("SourceSans3-Regular.ttf", ASSETS / "page" / "body.woff2", "Bespoke Brand Body", "Regular", FEW, []),
    ("SourceSans3-Semibold.ttf", ASSETS / "page" / "strong.woff2", "Bespoke Brand Body", "Semibold", FEW, []),
    ("SourceSans3-Bold.ttf", ASSETS / "brands" / "harbor" / "page" / "title.woff2", "Bespoke Harbor Title", "Regular", FEW, ["kern"]),
]


def cut(source, out, family, style, keep, features=("kern", "tnum", "pnum")):
    """Writes a subset of a font with the code points `keep`, under a new family name."""
    font = TTFont(FONTS / source)
    options = subset.Options()
    # By default, includes figures of equal width, for times and scores in columns.
    options.layout_features = list(features)
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.name_languages = [0x409]
    options.drop_tables += ["DSIG", "STAT", "meta"]
    options.flavor = "woff2"
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=keep)
    cutter.subset(font)

    postscript = f"{family}-{style}".replace(" ", "")
    names = {1: family, 2: style, 3: postscript, 4: f"{family} {style}", 5: f"Subset of {source}", 6: postscript}
    for key, text in names.items():
        font["name"].removeNames(nameID=key)
        font["name"].setName(text, key, 3, 1, 0x409)
    font.flavor = "woff2"
    font.recalcTimestamp = False
    # A relative path is below the staff's page.
    path = PAGE / out
    path.parent.mkdir(parents=True, exist_ok=True)
    font.save(path)
    print(out, path.stat().st_size, "bytes,", len(font.getBestCmap()), "characters")


if __name__ == "__main__":
    for each in CUTS + BRAND_CUTS:
        cut(*each)
