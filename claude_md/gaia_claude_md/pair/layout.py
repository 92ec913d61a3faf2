"""The two texts: L1 as a row of segments, L2 as the source with an anchor for each moved piece and a manifest."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gaia_budget import backups
from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import Block, Document, blocks_of
from gaia_claude_md.markdown.lines import bare, split_lines, terminator
from gaia_claude_md.pair import index, rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.markdown.units import Unit

FRONTMATTER, HEADING, SEPARATOR, PIECE, TEMPLATE, INDEX = "fhspti"
VERSION = 1
ANCHOR = re.compile(r"<!-- gaia:l1 (\d+) -->")
MARK = re.compile(r"\s*<!-- gaia:(?:index|end|l1|l2|rule)\b(?:(?!-->).)*(?:-->)?\s*")
MARKER = re.compile(r"<!-- gaia:(?:index|end|l1|l2|rule)\b")
_NOTE = (
    "<!-- gaia:l2 edit the text freely; the gaia:l1 lines stand for what is in L1; keep them and this comment"
)
_TRAILER = re.compile(
    r"(?:\r\n|\r|\n)<!-- gaia:l2 [^\r\n]*(?:\r\n|\r|\n)(\{[^\r\n]*\})(?:\r\n|\r|\n)-->[ \t]*(?:\r\n|\r|\n)?"
)
_OPENED = (("html_block", 0, 1),)  # all that is asked of the index is the comment that opens it
_CLOSED = {"heading", "fence", "hr"}
_INTERRUPTED = {"paragraph", "bullet_list", "ordered_list", "blockquote", "table"}


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive lines of L1 of one origin; `piece` is the number of the anchor that stands for them in L2."""

    kind: str
    lines: tuple[str, ...]
    blocks: tuple[tuple[str, int, int], ...] = ()
    piece: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What L2 remembers of the split. Hashes of lines leave terminators out, so that git may convert them.

    `remembered` are hashes of lines that were added to L1 and stay there. `rules` has for each rule file the SHA-256
    that it has and the one that it had before (empty: no file), by which a write that was killed is known, and that of
    its head as it was made.

    `source`, `before` and `body` are SHA-256: of the whole source, of the file that L1 replaced, of L2 without
    this manifest. `rows` and `intro` are checksums of what was generated in the index.
    """

    id: str
    source: str
    before: str
    body: str
    final_newline: bool
    segments: list[list[Any]]
    lines: list[str]
    rows: dict[str, str]
    intro: str
    version: int = VERSION
    remembered: list[str] = field(default_factory=list)
    rules: dict[str, list[str]] = field(default_factory=dict)


def sha256(text: str) -> str:
    """The SHA-256 of a text as UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def line_hash(line: str) -> str:
    """A short hash of a line without its terminator."""
    return hashlib.sha256(bare(line).encode("utf-8")).hexdigest()[:10]


def segments_of(
    document: Document, chosen: Sequence[Unit], template: Sequence[str], index_lines: Sequence[str]
) -> list[Segment]:
    """L1 as segments: frontmatter, the chosen units under copies of their headings, template text, the index."""
    end = document.line_end
    parts: list[Segment] = []
    if document.prefix:
        parts.append(Segment(FRONTMATTER, tuple(document.lines[: document.prefix])))
    sole_title = [b.start for b in document.blocks if b.kind == "heading" and b.level == 1]
    shown: set[int] = {unit.start for unit in chosen}
    for number, unit in enumerate(chosen, start=1):
        for heading in unit.path:
            skipped = sole_title == [heading.start] and heading is not unit.path[-1]
            if heading.start not in shown and not skipped:
                shown.add(heading.start)
                _add(parts, HEADING, document, [heading], heading.start, heading.end, end)
        inner = [b for b in document.blocks if unit.start <= b.start < unit.end]
        _add(parts, PIECE, document, inner, unit.start, unit.end, end, number)
    for text in template:
        lines = tuple(bare(line) + end for line in split_lines(text))
        shape = _shape("".join(lines))
        _separate(parts, shape, lines, end)
        parts.append(Segment(TEMPLATE, lines, shape))
    lines = tuple(line + end for line in index_lines)
    _separate(parts, _OPENED, lines, end)
    parts.append(Segment(INDEX, lines, _OPENED))
    return parts


def _add(
    parts: list[Segment],
    kind: str,
    document: Document,
    blocks: Sequence[Block],
    start: int,
    stop: int,
    end: str,
    piece: int = 0,
) -> None:
    lines = tuple(document.lines[start:stop])
    shape = tuple((b.kind, b.start - start, b.end - start) for b in blocks)
    _separate(parts, shape, lines, end)
    parts.append(Segment(kind, lines, shape, piece))


@lru_cache(maxsize=64)
def _shape(text: str) -> tuple[tuple[str, int, int], ...]:
    """The blocks of the user's own text for a topic."""
    return tuple((b.kind, b.start, b.end) for b in blocks_of(text))


def _separate(
    parts: list[Segment], shape: Sequence[tuple[str, int, int]], lines: Sequence[str], end: str
) -> None:
    """A blank line where the next block would otherwise fuse with the one before it."""
    if not parts or parts[-1].kind == FRONTMATTER or not parts[-1].blocks or not shape:
        return
    before, after, first = parts[-1].blocks[-1][0], shape[0][0], lines[0].lstrip()
    interrupts = (after == "heading" and first.startswith("#")) or first.startswith("<!-- ")
    if before in _CLOSED or (interrupts and before in _INTERRUPTED):
        return
    parts.append(Segment(SEPARATOR, (terminator(parts[-1].lines[-1]) or end,)))


def fuses(segments: Sequence[Segment]) -> bool:
    """Whether L1, parsed again, shows other blocks than its segments have (property P7).

    How far a block goes depends on its lines and the next ones alone, so it is enough to look where segments meet.
    """
    before = gap = ""
    kind = ""
    for segment in segments:
        if segment.kind == SEPARATOR:
            gap += "".join(segment.lines)
        elif segment.blocks:
            after, start, end = segment.blocks[0]
            gap += "".join(segment.lines[:start])
            if before and not _stand_apart((kind, before), gap, (after, "".join(segment.lines[start:end]))):
                return True
            kind, start, end = segment.blocks[-1]
            before, gap = "".join(segment.lines[start:end]), "".join(segment.lines[end:])
    return False


def _stand_apart(before: tuple[str, str], gap: str, after: tuple[str, str]) -> bool:
    """Whether two blocks, each its kind and text, are two blocks of these kinds one behind the other.

    A heading and a rule end with their line, and nothing goes on over `# ` or a comment at the margin but what has
    not been closed: only the others have to be parsed.
    """
    if before[0] in {"heading", "hr"}:
        return True
    opens = (after[0] == "heading" and after[1].startswith("#")) or after[1].startswith("<!-- ")
    return (opens and before[0] in _INTERRUPTED) or _parsed_apart(before, gap, after)


@lru_cache(maxsize=256)
def _parsed_apart(before: tuple[str, str], gap: str, after: tuple[str, str]) -> bool:
    lines, between, more = (len(split_lines(text)) for text in (before[1], gap, after[1]))
    found = [(block.kind, block.start, block.end) for block in blocks_of(before[1] + gap + after[1])]
    second = lines + between
    return found == [(before[0], 0, lines), (after[0], second, second + more)]


def l1_text(segments: Sequence[Segment]) -> str:
    """The text of L1."""
    return "".join(line for segment in segments for line in segment.lines)


def identified(segments: Sequence[Segment], ruled: Mapping[str, str]) -> tuple[list[Segment], str]:
    """The segments with the index opened by an id made from all other lines and the rules' texts, and the id.

    L1 is written last: with the id it changes whenever a rule does, and so tells whether a write came to its end.
    """
    lines = [line_hash(line) for segment in segments for line in segment.lines]
    lines += [sha256(name + text) for name, text in ruled.items()]
    pair_id = sha256(" ".join(lines))[:8]
    *others, last = segments
    opening = index.begin(pair_id) + terminator(last.lines[0])
    return [*others, Segment(INDEX, (opening, *last.lines[1:]), last.blocks)], pair_id


def body_text(document: Document, chosen: Sequence[Unit], ruled: Mapping[str, Section]) -> str:
    """L2 without its manifest: the source, an anchor in place of each chosen unit and of each section in a rule."""
    parts: list[str] = []
    at = document.prefix
    for name, section in ruled.items():
        parts.append(stretch(document, chosen, at, section.start))
        parts.append(rules.anchor(name) + terminator(document.lines[section.end - 1]))
        at = section.end
    parts.append(stretch(document, chosen, at, len(document.lines)))
    return "".join(parts)


def stretch(document: Document, chosen: Sequence[Unit], start: int, end: int) -> str:
    """Some lines of the source, an anchor in place of each chosen unit."""
    parts: list[str] = []
    at = start
    for number, unit in enumerate(chosen, start=1):
        if start <= unit.start < end:
            parts.append(document.text(at, unit.start))
            parts.append(f"<!-- gaia:l1 {number} -->{terminator(document.lines[unit.end - 1])}")
            at = unit.end
    return "".join([*parts, document.text(at, end)])


def l2_text(body: str, manifest: Manifest) -> str:
    """The text of L2: its body and the manifest in a closing comment."""
    lines = split_lines(body)
    end = terminator(lines[-1]) if lines else "\n"
    named = asdict(manifest)
    if not manifest.rules:
        del named["rules"]
    data = json.dumps(named, separators=(",", ":"))
    return f"{body}{end}{_NOTE}{end}{data}{end}-->{end}"


def read_l2(text: str, name: str) -> tuple[str, Manifest] | None:
    """Body and manifest of an L2; None when the file is none of ours.

    What stands after the manifest was appended later and belongs to the body.

    Raises InputError when the manifest has been damaged or doubled.
    """
    found = list(_TRAILER.finditer(text))
    if not found:
        if MARKER.search(text):
            raise InputError(
                f"{name}: its manifest (the comment that closes the file) is damaged. {rules.RESTORE}",
                slug="split-damaged",
            )
        return None
    if len(found) > 1:
        raise InputError(
            f"{name}: the manifest stands there {len(found)} times. {rules.RESTORE}", slug="split-damaged"
        )
    try:
        data = json.loads(found[0][1])
        manifest = Manifest(**data)
        consistent = _well_formed(manifest)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{name}: its manifest cannot be read ({error}). {rules.RESTORE}", slug="split-damaged"
        ) from error
    if not consistent:
        raise InputError(
            f"{name}: its manifest does not add up, or a newer version wrote it. {rules.RESTORE}",
            slug="split-damaged",
        )
    return text[: found[0].start()] + text[found[0].end() :], manifest


def _well_formed(manifest: Manifest) -> bool:
    """Whether a manifest, which anybody may have written, is what `split` writes."""
    digests = (manifest.source, manifest.before, manifest.body)
    return (
        manifest.version == VERSION
        and isinstance(manifest.id, str)
        and all(isinstance(name, str) and backups.is_digest(name) for name in digests)
        and isinstance(manifest.segments, list)
        and all(isinstance(s, list) and list(map(type, s)) == [str, int, int] for s in manifest.segments)
        and all(count > 0 for _, count, _ in manifest.segments)
        and isinstance(manifest.lines, list)
        and all(isinstance(line, str) for line in manifest.lines)
        and sum(count for _, count, _ in manifest.segments) == len(manifest.lines)
        and isinstance(manifest.rows, dict)
        and isinstance(manifest.remembered, list)
        and all(isinstance(line, str) for line in manifest.remembered)
        and all(isinstance(row, str) for row in manifest.rows.values())
        and isinstance(manifest.rules, dict)
        and all(rules.NAME.fullmatch(name) for name in manifest.rules)
        and all(isinstance(known, list) and len(known) == 3 for known in manifest.rules.values())
        and all(not one or backups.is_digest(str(one)) for known in manifest.rules.values() for one in known)
    )
