#!/usr/bin/env python3
"""Checks the wording of comments and Markdown against the project's style. Needs no network.

Reads comments in Rust, Python, shell, TOML, YAML, JavaScript and CSS, Python docstrings, and Markdown. Reports:

  - comments and paragraphs that open with a word in `OPENERS`, unless they ask a question
  - words and phrases in `REFUSED`
  - sentences of more than 35 words in the documents that `is_guide` names

Prints `FILE:LINE: MESSAGE` for each finding and exits with 1 if there is one. Skips code blocks and text in backticks.
The list `prose.allow` exempts lines that quote someone or that a customer reads.

    prose.py            prints the findings
    prose.py --count    prints how many findings each folder has
"""

import argparse
import ast
import collections
import dataclasses
import fnmatch
import functools
import io
import pathlib
import re
import sys
import tokenize

from sources import ROOT, blank_code, list_files

ALLOW_LIST = pathlib.PurePosixPath("infra/lint/prose.allow")
OPENERS = ["What", "Whoever", "Nobody", "Who"]
REFUSED = ["whoever", "nobody", "told", "stands", "of which", "for whom", "thereby", "what is made", "besides"]
LONGEST_SENTENCE = 35

OPENER = re.compile(rf"\W*({'|'.join(OPENERS)})\s")
REFUSED_PHRASE = re.compile(rf"\b(?:{'|'.join(REFUSED)})\b".replace(" ", r"\s+"), re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]*_]*(?=\s+[^a-z\s]|\s*$)")
LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
WORD = re.compile(r"[^\W_]+(?:['’./,-][^\W_]+)*")

# Each pattern matches comments. It also matches strings, so their content is skipped.
RUST = re.compile(
    r"""//[^\n]*|/\*.*?\*/|[bc]?r(?P<hashes>\#*)".*?"(?P=hashes)|"(?:\\.|[^"\\])*"|'(?:\\[^'\n]*|[^\\'\n])'""", re.DOTALL)
SCRIPT = re.compile(r"""//[^\n]*|/\*.*?\*/|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
STYLE = re.compile(r"""/\*.*?\*/|"[^"\n]*"|'[^'\n]*'""", re.DOTALL)
HASH = re.compile(r"""(?<!\S)\#[^\n]*|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
MARKER = re.compile(r"///|//!|//|/\*+!?|#")
STAR = re.compile(r"^[ \t]*\*+/?", re.MULTILINE)

HEADING = re.compile(r" {0,3}#{1,6}\s")
LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """A comment, paragraph, heading or table cell. Its text has the same line breaks as the file."""

    line: int
    text: str
    may_open_freely: bool = False


@dataclasses.dataclass(frozen=True)
class Comment:
    """A comment as it appears in the source. `alone` means that no code precedes it on its line."""

    line: int
    marker: str
    text: str
    alone: bool


@dataclasses.dataclass(frozen=True)
class Finding:
    path: pathlib.PurePosixPath
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def comments(text, pattern):
    """Yields the comments of a source text, given the pattern of its language."""
    line, last = 1, 0
    for match in pattern.finditer(text):
        marker = MARKER.match(match.group())
        if not marker:
            continue
        line += text.count("\n", last, match.start())
        last = match.start()
        before = text[text.rfind("\n", 0, last) + 1:last]
        content = match.group()[marker.end():]
        if marker.group().startswith("/*"):
            content = STAR.sub("", content.removesuffix("*/"))
        yield Comment(line, marker.group(), content, not before.strip())


def join_comments(found):
    """Yields blocks: line comments with the same marker on consecutive lines become one."""
    lines = []
    for comment in found:
        continues = lines and lines[-1].line + 1 == comment.line and lines[-1].marker == comment.marker
        if lines and not (continues and comment.alone and lines[-1].alone):
            yield block_of(lines)
            lines = []
        lines.append(comment)
    if lines:
        yield block_of(lines)


def block_of(lines):
    return Block(lines[0].line, blank_code("\n".join(comment.text for comment in lines)))


def source_blocks(pattern, text):
    return join_comments(comments(text, pattern))


def python_blocks(text):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = (token for token in tokens if token.type == tokenize.COMMENT)
    yield from join_comments(
        Comment(token.start[0], "#", token.string[1:], not token.line[:token.start[1]].strip()) for token in found)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node):
            docstring = node.body[0].value
            yield Block(docstring.lineno, blank_code(docstring.value))


def markdown_blocks(text):
    """Yields paragraphs, list items, headings and table cells."""
    text = blank_code(HTML_COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), text))
    start, lines = 0, []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        line = line.lstrip(" \t>")
        single = HEADING.match(line) or line.startswith("|")
        if lines and (not line or single or LIST_ITEM.match(line)):
            yield Block(start, "\n".join(lines))
            lines = []
        if single:
            yield from (Block(number, cell, may_open_freely=True) for cell in line.strip("|# ").split("|"))
        elif line:
            start = start if lines else number
            lines.append(LIST_ITEM.sub("", line) if not lines else line)


READERS = {
    ".rs": functools.partial(source_blocks, RUST),
    ".js": functools.partial(source_blocks, SCRIPT),
    ".mjs": functools.partial(source_blocks, SCRIPT),
    ".css": functools.partial(source_blocks, STYLE),
    ".sh": functools.partial(source_blocks, HASH),
    ".toml": functools.partial(source_blocks, HASH),
    ".yaml": functools.partial(source_blocks, HASH),
    ".yml": functools.partial(source_blocks, HASH),
    ".py": python_blocks,
    ".md": markdown_blocks,
}
# Files that cannot be recognized by their suffix.
NAMES = {"Makefile": READERS[".sh"], ".env.example": READERS[".sh"], ".ci/run": READERS[".sh"]}


def reader_of(path):
    """Returns the function that yields the blocks of a file, or None if the file is not checked."""
    return NAMES.get(str(path)) or READERS.get(path.suffix)


def is_guide(path):
    """Returns whether the length of a Markdown file's sentences is limited."""
    names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]
    return path.suffix == ".md" and (path.parts[0] == "docs" or str(path) in names)


def opener(text):
    """Returns the refused word that opens `text`, or None. A question may open with it."""
    found = OPENER.match(text)
    end = found and re.search(r"[.!?](?:\s|$)", text)
    return found[1] if found and not (end and end.group().startswith("?")) else None


def sentences(text):
    """Yields the offset and the words of each sentence."""
    start = 0
    for end in [*(match.end() for match in SENTENCE_END.finditer(text)), len(text)]:
        sentence = text[start:end]
        words = WORD.findall(LINK.sub(r"\1", sentence))
        if words:
            yield start + len(sentence) - len(sentence.lstrip()), words
        start = end


def check_text(path, text):
    """Yields the findings of one file in the order of its blocks."""
    for block in reader_of(path)(text):
        def finding(offset, message, block=block):
            return Finding(path, block.line + block.text.count("\n", 0, offset), message)

        word = None if block.may_open_freely else opener(block.text)
        if word:
            yield finding(0, f'opens with "{word}"')
        for match in REFUSED_PHRASE.finditer(block.text):
            yield finding(match.start(), f'"{" ".join(match.group().lower().split())}"')
        for offset, words in sentences(block.text) if is_guide(path) else []:
            if len(words) > LONGEST_SENTENCE:
                yield finding(offset, f'sentence of {len(words)} words: "{" ".join(words[:6])} …"')


def read_allow_list(text):
    """Returns `(line, path pattern, fragment)` of each entry `PATH: FRAGMENT`."""
    lines = enumerate(text.splitlines(), 1)
    return [(number, *line.split(": ", 1)) for number, line in lines if line.strip() and not line.startswith("#")]


def without_allowed(findings, entries, texts):
    """Returns the findings that no entry exempts, and a finding for each entry that exempts none."""
    left, used = [], set()
    for finding in findings:
        source = texts[finding.path].splitlines()[finding.line - 1]
        matching = [number for number, pattern, fragment in entries
                    if fnmatch.fnmatch(str(finding.path), pattern) and fragment in source]
        used.update(matching)
        if not matching:
            left.append(finding)
    unused = (number for number, *_ in entries if number not in used)
    return left + [Finding(ALLOW_LIST, number, "exempts nothing; remove the entry") for number in unused]


def check_tree(root=ROOT):
    """Returns the findings of all files, sorted by file and line."""
    texts = {path: (root / path).read_text(encoding="utf-8") for path in list_files(root) if reader_of(path)}
    findings = (finding for path, text in texts.items() for finding in check_text(path, text))
    entries = read_allow_list((root / ALLOW_LIST).read_text(encoding="utf-8"))
    return sorted(without_allowed(findings, entries, texts), key=lambda each: (each.path, each.line))


def count_by_folder(findings):
    """Returns how many findings each folder has, highest count first. Crates are second-level folders."""
    folders = ("/".join(finding.path.parts[:-1][:2]) or "." for finding in findings)
    return collections.Counter(folders).most_common()


def main():
    parser = argparse.ArgumentParser(description="Check the wording of comments and Markdown.")
    parser.add_argument("--count", action="store_true", help="print how many findings each folder has")
    options = parser.parse_args()
    findings = check_tree()
    if options.count:
        for folder, count in count_by_folder(findings):
            print(f"{count:>6}  {folder}")
    else:
        print(*findings, sep="\n", end="\n" if findings else "")
    print(f"prose: {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
