#!/usr/bin/env python3
"""Checks that relative links in the project's Markdown lead to files and headings that exist. Needs no network.

Prints `FILE:LINE: MESSAGE` for each broken link and exits with 1 if there is one.
"""

import pathlib
import posixpath
import re
import sys
from urllib.parse import unquote

from sources import ROOT, blank_code, blank_fences, list_files

INLINE_LINK = re.compile(r"\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+[\"'][^)]*)?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)", re.MULTILINE)
HTML_LINK = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=[\"']([^\"']+)[\"']", re.IGNORECASE)
HTML_ANCHOR = re.compile(r"<[a-z][a-z0-9]*\b[^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']", re.IGNORECASE)
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def slug(heading):
    """Returns the anchor that GitHub creates for a heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>|[`*]", "", text).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text):
    """Returns all anchors in a Markdown document: those of its headings, and those set in HTML."""
    found, seen = set(HTML_ANCHOR.findall(text)), {}
    for heading in HEADING.findall(blank_fences(text)):
        base = slug(heading)
        count = seen.get(base, 0)
        seen[base] = count + 1
        found.add(f"{base}-{count}" if count else base)
    return found


def links(text):
    """Yields the line and the target of each link outside code."""
    text = blank_code(text)
    for pattern in (INLINE_LINK, REFERENCE, HTML_LINK):
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start(1)) + 1, match[1]


def resolve(source, target):
    """Returns the path and the anchor to which `target` leads from the file `source`; the anchor may be empty."""
    place, _, anchor = unquote(target).partition("#")
    if not place:
        return source, anchor
    base = "" if place.startswith("/") else str(source.parent)
    return pathlib.PurePosixPath(posixpath.normpath(posixpath.join(base, place.lstrip("/")))), anchor


def check(texts, paths):
    """Yields `(file, line, message)` for each broken link. `texts` maps Markdown files to their text."""
    known = set(paths) | {parent for path in paths for parent in path.parents}
    anchors_of = {path: anchors(text) for path, text in texts.items()}
    for source, text in texts.items():
        for line, target in sorted(links(text)):
            if not target or EXTERNAL.match(target):
                continue
            path, anchor = resolve(source, target)
            if path not in known:
                yield source, line, f"link to missing file: {target}"
            elif anchor and path in anchors_of and anchor not in anchors_of[path]:
                yield source, line, f"link to missing heading: {target}"


def main():
    paths = list_files()
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in paths if path.suffix == ".md"}
    broken = list(check(texts, paths))
    for path, line, message in broken:
        print(f"{path}:{line}: {message}")
    print(f"links: {len(broken)} broken in {len(texts)} files", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
