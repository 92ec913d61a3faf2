"""Finding a section by the name that somebody gives it, in one file or in several seen together, and pinning it."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InputError, NotFoundError
from gaia_claude_md.markdown.blocks import blocks_of, parse
from gaia_claude_md.markdown.lines import bare, split_lines, terminator
from gaia_claude_md.markdown.sections import Section, cut_headings, plain_title, sections_of, slugify
from gaia_claude_md.markdown.units import PIN, Pin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_claude_md.markdown.blocks import Document

_WORD = re.compile(r"\w+")


class Found(NamedTuple):
    """A section, and the name of the file that it is from."""

    file: str
    section: Section


def find_section(document: Document, name: str) -> Section:
    """The section with this slug, number (from 1) or title, or else a deeper heading's part of one.

    Raises NotFoundError with the nearest slugs.
    """
    return find([("", document)], name).section


def find(documents: Sequence[tuple[str, Document]], name: str) -> Found:
    """The same over several files, each under its name; `file:name` says which one is meant.

    Numbers run through all files. Raises NotFoundError with the nearest slugs; InputError, with the names to choose
    from, where several files have such a section.
    """
    wanted = name.strip().strip("`")
    file, colon, rest = wanted.rpartition(":")
    chosen = [pair for pair in documents if colon and pair[0] == file]
    if chosen:
        documents, wanted = chosen, rest
    listed = [Found(file, section) for file, document in documents for section in sections_of(document)]
    hits = _hits(listed, wanted)
    if not hits:
        parts = [(file, _part(document, wanted)) for file, document in documents]
        hits = [Found(file, part) for file, part in parts if part]
    if len(hits) == 1:
        return hits[0]
    if len({hit.file for hit in hits}) > 1:
        names = ", ".join(f"`{hit.file}:{hit.section.slug}`" for hit in hits[:8])
        raise InputError(
            f"several files have a section {wanted[:80]!r}. Say which one: {names}", slug="not-one"
        )
    sections = [found.section for found in listed]
    titled = [hit.section for hit in hits]
    raise NotFoundError("section", wanted[:80], _nearest(wanted.casefold(), sections, titled))


def named(sections: Sequence[Section], name: str) -> list[Section]:
    """The section with this slug or number; or else all with this title."""
    return [found.section for found in _hits([Found("", section) for section in sections], name)]


def _hits(listed: Sequence[Found], name: str) -> list[Found]:
    folded = name.casefold()
    if found := [f for f in listed if f.section.slug.casefold() == folded]:
        return found
    if name.isdecimal() and len(name) < 6 and 1 <= int(name) <= len(listed):
        return [listed[int(name) - 1]]
    titled = [f for f in listed if f.section.title.casefold() == folded]
    slug = slugify(name)
    return titled or [f for f in listed if slug and slugify(f.section.title) == slug]


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


def pinned(source: str, name: str, pin: Pin) -> str:
    """The source with a pin before the heading of a section, in place of one that stands there: how a user says, for
    good, that it belongs in L1 or out of it.

    Raises NotFoundError for an unknown section, InputError for one without a heading.
    """
    document = parse(source)
    section = find_section(document, name)
    heading = next((h for h in cut_headings(document) if section.start <= h.start < section.end), None)
    if heading is None:
        raise InputError(
            f"section {section.slug} has no heading: put <!-- {pin} --> before its text by hand",
            slug="no-heading",
        )
    lines = list(document.lines)
    end = terminator(lines[heading.start]) or document.line_end
    above = heading.start - 1
    if above >= 0 and PIN.fullmatch(bare(lines[above]).strip()):
        lines[above] = f"<!-- {pin} -->{end}"
    else:
        lines.insert(heading.start, f"<!-- {pin} -->{end}")
    return "".join(lines)


def part_of(text: str, number: int, most: int) -> tuple[str, int]:
    """One part (from 1) of a text in which no part is longer than `most` as JSON, and how many there are.

    Parts end between blocks where they can, else between lines; together they are the text. Raises InputError for
    a number that there is not.
    """
    parts = _parts(text, most)
    if not 1 <= number <= len(parts):
        raise InputError(f"there is no part {number}; the section has {len(parts)}", slug="not-valid")
    return parts[number - 1], len(parts)


def _parts(text: str, most: int) -> list[str]:
    if _sent(text) <= most:
        return [text]
    lines = [piece for line in split_lines(text) for piece in _pieces(line, most)]
    ends = {block.end for block in blocks_of(text)} if len(lines) == len(split_lines(text)) else set()
    parts: list[str] = []
    start = size = cut = 0
    for at, line in enumerate(lines):
        length = _sent(line)
        if size + length > most:
            end = cut if cut > start else at
            parts.append("".join(lines[start:end]))
            start, size = end, sum(map(_sent, lines[end:at]))
        if at in ends:
            cut = at
        size += length
    return [*parts, "".join(lines[start:])]


def _pieces(line: str, most: int) -> list[str]:
    """A line in pieces that fit, mostly one."""
    if _sent(line) <= most:
        return [line]
    step = most // 12  # no character is longer than twelve as JSON
    return [line[at : at + step] for at in range(0, len(line), step)]


def _sent(text: str) -> int:
    """How long a text is inside JSON, as it is sent."""
    return len(json.dumps(text, ensure_ascii=False)) - 2
