"""Physical lines by Markdown's own rule, and the frontmatter that stands before the Markdown."""

from __future__ import annotations

import re

BOM = "\ufeff"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_YAML_LINE = re.compile(r"\s|#|-\s|[\w.\"'-]+\s*:(?:\s|$)")


def split_lines(text: str) -> list[str]:
    r"""The lines of a text with their terminators; `\r\n`, `\r` and `\n` end one, nothing else does.

    This is the rule of markdown-it, so that its line maps index this list; `str.splitlines` also cuts at form
    feeds and Unicode separators.
    """
    return _LINE.findall(text)


def bare(line: str) -> str:
    """A line without its terminator."""
    return line.rstrip("\r\n")


def terminator(line: str) -> str:
    """The terminator that ends a line; empty on an unfinished last line."""
    return line[len(line.rstrip("\r\n")) :]


def is_blank(line: str) -> bool:
    """Whether Markdown takes the line for blank: spaces and tabs only."""
    return not line.strip(" \t\r\n")


def line_end(lines: list[str]) -> str:
    """The terminator most lines have; a line feed where there is none yet."""
    text = "".join(lines)
    both = text.count("\r\n")
    ends = {"\r\n": both, "\r": text.count("\r") - both, "\n": text.count("\n") - both}
    most = max(ends.values())
    return next((end for line in lines if ends.get(end := terminator(line)) == most), "\n") if most else "\n"


def finished(lines: list[str], end: str) -> list[str]:
    """The lines, the last one closed with `end` if it was not."""
    if lines and not terminator(lines[-1]):
        return [*lines[:-1], lines[-1] + end]
    return lines


def frontmatter_length(lines: list[str]) -> int:
    """How many lines the YAML frontmatter takes; 0 when a leading `---` is only a thematic break."""
    if not lines or bare(lines[0]).rstrip() != "---":
        return 0
    for number, line in enumerate(lines[1:], start=1):
        text = bare(line)
        if text.rstrip() == "---":
            return number + 1
        if not is_blank(line) and not _YAML_LINE.match(text):
            return 0
    return 0
