"""A source cut into named sections that together are the source, byte for byte."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from gaia_budget.errors import NotFoundError
from gaia_claude_md.markdown.blocks import Block, Document, comment_text
from gaia_claude_md.markdown.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

COARSEST_CUT, FINEST_CUT = 2, 6
FEW_SECTIONS = 3
SLUG_LENGTH = 40
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_NUMBERING = re.compile(r"^\s*(?:\d+(?:\.\d+)*[.):、]?|[ivxIVX]+[.)])\s+")
_CLOSING_COMMENT = re.compile(r"<!--.*?-->")
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


def find_section(document: Document, name: str) -> Section:
    """The section with this slug, number (from 1) or title, or else a deeper heading's part of one.

    Raises NotFoundError with the nearest slugs.
    """
    sections = sections_of(document)
    wanted = name.strip().strip("`")
    found = named(sections, wanted)
    if len(found) == 1:
        return found[0]
    part = None if found else _part(document, wanted)
    if part:
        return part
    raise NotFoundError("section", wanted[:80], _nearest(wanted.casefold(), sections, found))


def named(sections: Sequence[Section], name: str) -> list[Section]:
    """The section with this slug or number; or else all with this title."""
    folded = name.casefold()
    for section in sections:
        if section.slug.casefold() == folded:
            return [section]
    if name.isdecimal() and len(name) < 6 and 1 <= int(name) <= len(sections):
        return [sections[int(name) - 1]]
    titled = [section for section in sections if section.title.casefold() == folded]
    slug = slugify(name)
    return titled or [section for section in sections if slug and slugify(section.title) == slug]


def _part(document: Document, wanted: str) -> Section | None:
    """The only heading of any depth with this title, with all that stands under it."""
    slug = slugify(wanted)
    headings = [block for block in document.blocks if block.kind == "heading"]
    found = [heading for heading in headings if slug and slugify(heading.title) == slug]
    if len(found) != 1:
        return None
    heading = found[0]
    end = next(
        (h.start for h in headings if h.start > heading.start and h.level <= heading.level),
        len(document.lines),
    )
    title = plain_title(heading.title)
    return Section(slug, title, heading.level, heading.start, end, document.text(heading.start, end))


def _nearest(wanted: str, sections: Sequence[Section], titled: Sequence[Section]) -> list[str]:
    if titled:
        return [section.slug for section in titled]
    by_name = {section.slug.casefold(): section.slug for section in sections}
    by_name.update({section.title.casefold(): section.slug for section in sections})
    close = [by_name[found] for found in difflib.get_close_matches(wanted[:80], by_name, n=5, cutoff=0.4)]
    words = set(_WORD.findall(wanted))
    close += [s.slug for s in sections if words & set(_WORD.findall(s.title.casefold()))]
    return list(dict.fromkeys(close))[:8] or [section.slug for section in sections][:30]
