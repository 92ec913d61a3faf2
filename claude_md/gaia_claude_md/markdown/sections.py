"""A source cut into named sections that together are the source, byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from gaia_claude_md.markdown.blocks import Block, Document, comment_text
from gaia_claude_md.markdown.lines import split_lines
from gaia_claude_md.markdown.tokens import estimate

COARSEST_CUT, FINEST_CUT = 2, 6
FEW_SECTIONS = 3
SLUG_LENGTH = 40
_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()]{0,500}\)")  # bounded: runs in linear time
_NUMBERING = re.compile(r"^\s*(?:\d+(?:\.\d+)*[.):、]?|[ivxIVX]+[.)])\s+")
_CLOSING_COMMENT = re.compile(r"<!--.{0,500}?-->")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a source: `start` and `end` count its lines, `text` is exact, heading included."""

    slug: str
    title: str
    level: int
    start: int
    end: int
    text: str

    @property
    def lines(self) -> int:
        """Physical lines."""
        return self.end - self.start

    @property
    def tokens(self) -> int:
        """Estimated tokens."""
        return estimate(self.text)

    def tokens_of(self, start: int, end: int) -> int:
        """Estimated tokens of some of its lines, counted as in the source."""
        return estimate("".join(split_lines(self.text)[start - self.start : end - self.start]))


def plain_title(title: str) -> str:
    """A heading's words without Markdown signs, comments and closing blanks."""
    text = _LINK.sub(r"\1", _CLOSING_COMMENT.sub("", title))
    return re.sub(r"[`*\\]|(?<!\w)_+|_+(?!\w)", "", text).strip()


def slugify(title: str) -> str:
    """A name for a heading: lower case, letters of every script kept, leading numbering dropped, or empty."""
    words = _WORD.findall(_NUMBERING.sub("", plain_title(title)).lower())
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word[:SLUG_LENGTH]
        if len(longer) > SLUG_LENGTH:
            break
        slug = longer
    return slug


def cut_headings(document: Document) -> list[Block]:
    """The headings that begin a section: levels 1 and 2, or deeper ones too where those are fewer than three."""
    free = [
        block
        for block in document.blocks
        if block.kind == "heading"
        and not any(r.managed and r.start <= block.start < r.end for r in document.regions)
    ]
    for level in range(COARSEST_CUT, FINEST_CUT + 1):
        found = [heading for heading in free if heading.level <= level]
        if len(found) >= FEW_SECTIONS:
            return found
    return free


def sections_of(document: Document) -> list[Section]:
    """The sections in order; their texts concatenate to the source. An empty source has none."""
    if not document.lines:
        return []
    headings = cut_headings(document)
    starts = [heading.start for heading in headings]
    opening: list[Block | None] = [*headings]
    if not headings or _has_text(document, headings[0].start):
        starts, opening = [0, *starts], [None, *opening]
    else:
        starts[0] = 0
    ranges = list(pairwise([*starts, len(document.lines)]))
    titles = [plain_title(heading.title) if heading else "Introduction" for heading in opening]
    levels = [heading.level if heading else 1 for heading in opening]
    slugs = _slugs([slugify(title) for title in titles], levels)
    return [
        Section(slug, title or slug, level, start, end, document.text(start, end))
        for slug, title, level, (start, end) in zip(slugs, titles, levels, ranges, strict=True)
    ]


def _has_text(document: Document, before: int) -> bool:
    return any(
        block.start < before and comment_text(block, document.lines) is None for block in document.blocks
    )


def _slugs(plain: list[str], levels: list[int]) -> list[str]:
    """Unique slugs: equal ones are qualified by their parent heading, what is equal still by a number."""
    shared = {slug for slug, count in Counter(plain).items() if count > 1}
    qualified = []
    for place, slug in enumerate(plain):
        parent = next((plain[i] for i in range(place - 1, -1, -1) if levels[i] < levels[place]), "")
        qualified.append(f"{parent}-{slug}" if slug in shared and slug and parent else slug or "section")
    taken: set[str] = set()
    unique = []
    for slug in qualified:
        name, number = slug, 1
        while name in taken:
            number += 1
            name = f"{slug}-{number}"
        taken.add(name)
        unique.append(name)
    return unique
