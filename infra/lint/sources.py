"""Lists the project's files, and blanks out code in prose, for the checks in this folder."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^([ \t]*)(```+|~~~+)[^\n]*\n.*?(?:^[ \t]*\2[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)\1(?!`)", re.DOTALL)


def list_files(root=ROOT):
    """Returns the paths of all files that git tracks or would track, relative to `root`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    paths = [pathlib.PurePosixPath(name) for name in listed.split("\0") if name]
    return sorted(path for path in set(paths) if (root / path).is_file())


def blank_fences(text):
    """Returns `text` with fenced code blocks emptied. Line numbers do not change."""
    return FENCED.sub(_newlines, text)


def blank_code(text, placeholder="code"):
    """Returns `text` with fenced code emptied and each code span replaced by one word. Line numbers do not change."""
    return INLINE.sub(lambda span: placeholder + _newlines(span), blank_fences(text))


def _newlines(match):
    return "\n" * match.group().count("\n")
