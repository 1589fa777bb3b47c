#!/usr/bin/env python3
"""Builds assets/fonts/BespokeHan-Regular.otf: the fallback for Chinese, Japanese
and Korean names, a subset of Noto Sans CJK SC (OFL-1.1).

    apt-get install fonts-noto-cjk
    pip install fonttools
    python3 assets/make/han_font.py

The subset keeps all characters of GB 2312 (simplified), the frequent plane of
Big5 (traditional), level 1 of JIS X 0208, further characters of Japanese
names, kana, the syllables of KS X 1001 (Korean), and CJK punctuation. It omits
Latin on purpose, because the body family draws it.
"""
import argparse
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Bespoke Han"
SOURCE = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
OUT = Path(__file__).resolve().parent.parent / "fonts" / "BespokeHan-Regular.otf"

# Characters of names that the character sets below lack.
NAMES = (
    "髙﨑濵德槗栁邉邊齋齊齌斎澤櫻廣國龍瀧嶋嶌冨冴凛凜彅弴惠慧曉晧晴栞楓澪煌燈玲珀瑛瑠璃璐瑜璟琰祐"
    "禎穂笙紬紗綺翔翠聡肇脩莉菫萌萬葵蒼薫蘭虹衿裕詩諒讓賴贇軒遙遼郁鄺鈞鋒錡鍾鎧鑫閆閏闫雫霖靖"
    "韻頌顏颯馨駿騏魏鳳鵬麒麟黃黎龐龔喆堃垚犇淼焱甯瑄嬛孃婕娣嫣嫺媛媖彣彥忞悅愷懿昊昕昇昱晟晞曄"
    "朴沆沅洵涵淯渟湜漪濬瀟煜煒燁爕璞璿禕禛稷穎筠筱紓綸緹羿翊翎翀聿芃芊芮苒荀菀菡葳蓁蕤薇蘅虔"
    "衎袁褚覃詡諾謙譽讚軾輿逍逵邰郗郜鄔鄒鄧鄭酈釗鈴鉉銘鋐鏘鐸閔闕陞霈霏霓靄靚韋韜韞顥馥騫驊魁麗"
)


def plane(codec, first, second):
    """Returns every character of a two-byte `codec` in a range of lead bytes."""
    found = set()
    for a in first:
        for b in second:
            try:
                text = bytes((a, b)).decode(codec)
            except UnicodeDecodeError:
                continue
            if len(text) == 1:
                found.add(ord(text))
    return found


def wanted():
    full = range(0xA1, 0xFF)
    keep = plane("gb2312", range(0xB0, 0xF8), full)
    keep |= plane("big5", range(0xA4, 0xC7), range(0x40, 0xFF))
    keep |= plane("euc_jp", range(0xB0, 0xD0), full)
    keep |= plane("euc_kr", range(0xB0, 0xC9), full)
    keep |= {ord(c) for c in NAMES}
    keep |= set(range(0x3001, 0x3020)) | set(range(0x3041, 0x3100))
    keep |= {0x20, 0xA0, 0x3000, 0x30FB, 0xFF08, 0xFF09, 0xFF0C, 0xFF0E, 0xFF1A, 0xFF1B, 0xFF01, 0xFF1F}
    return keep


def main():
    args = argparse.ArgumentParser(description="Build the Han fallback font.")
    args.add_argument("--source", default=SOURCE)
    args.add_argument("--out", type=Path, default=OUT)
    args = args.parse_args()

    font = next(
        TTFont(args.source, fontNumber=n, lazy=True)
        for n in range(10)
        if TTFont(args.source, fontNumber=n, lazy=True)["name"].getDebugName(6) == "NotoSansCJKsc-Regular"
    )
    options = subset.Options()
    options.layout_features = ["kern", "mark", "mkmk", "ccmp"]
    options.hinting = False
    options.desubroutinize = False
    options.notdef_outline = True
    options.name_IDs = ["*"]
    options.name_languages = [0x409]
    options.name_legacy = False
    options.drop_tables += ["BASE", "VORG", "vhea", "vmtx", "VVAR"]
    cut = subset.Subsetter(options)
    cut.populate(unicodes=wanted())
    cut.subset(font)

    names = {
        1: FAMILY, 2: "Regular", 3: "1.0;BespokeHan-Regular", 4: FAMILY,
        5: "Version 1.0; subset of Noto Sans CJK SC", 6: "BespokeHan-Regular",
    }
    table = font["name"]
    for drop in (16, 17, 21, 22, 25):
        table.removeNames(nameID=drop)
    for key, text in names.items():
        table.removeNames(nameID=key)
        table.setName(text, key, 3, 1, 0x409)
    cff = font["CFF "].cff
    cff.fontNames = ["BespokeHan-Regular"]
    top = cff.topDictIndex[0]
    top.FullName, top.FamilyName = FAMILY, FAMILY
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    font.save(args.out)
    print(args.out.name, args.out.stat().st_size, "bytes,", len(font.getBestCmap()), "characters")


if __name__ == "__main__":
    main()
