"""L1 and L2 back into the source, with whatever people have edited in either since the split.

Each line stands in exactly one of the two files, so edits of both sides meet only where a heading was copied,
where an anchor is gone, or where a file was replaced as a whole: those are conflicts, and nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.lines import bare, finished, is_blank, line_end, split_lines
from gaia_claude_md.pair import index, rules
from gaia_claude_md.pair.layout import (
    ANCHOR,
    FRONTMATTER,
    HEADING,
    INDEX,
    MARK,
    PIECE,
    SEPARATOR,
    TEMPLATE,
    Manifest,
    line_hash,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConflictError(InputError):
    """Both files changed in ways that no rule reconciles; both are left as they were. `problems` says where."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("conflict: " + "; ".join(problems) + f". {rules.RESTORE}", slug="merge-conflict")


@dataclass(slots=True)
class _Part:
    """A segment of L1 as it was (`base` hashes) and as it is now."""

    kind: str
    piece: int
    base: list[str]
    now: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    kept: int = 0

    @property
    def changed(self) -> bool:
        """Whether any line differs from the base."""
        return self.kept != len(self.base) or len(self.now) != self.kept


@dataclass(frozen=True, slots=True)
class Merged:
    """The source put together again, and what the user changed in the index."""

    source: str
    edits: index.Edits
    edited: bool


def merge(l1: str, body: str, manifest: Manifest) -> Merged:
    """The source that L1 and the body of L2 make together. Raises ConflictError."""
    lines = split_lines(l1)
    body_lines = split_lines(body)
    end = line_end(body_lines or lines)
    lines, body_lines = finished(lines, end), finished(body_lines, end)
    _refuse_pasted(lines)
    markers = [found[1] for line in lines if (found := index.BEGIN.fullmatch(bare(line).strip()))]
    if markers != [manifest.id]:
        raise ConflictError(["the index of L1 is missing, or of another split than L2"])
    parts, head, tail = _attribute(lines, manifest)
    _refuse_when_gone(parts)
    anchors = _anchors(body_lines, parts)
    inserts, late = _carry_headings(parts, body_lines, anchors)
    for part in parts:
        if part.kind == TEMPLATE and (part.now and part.changed):
            late = [*part.now, *late]
    tail = [*late, *tail]
    prefix = [line for part in parts if part.kind == FRONTMATTER for line in part.now]
    rest = _with_pieces(parts, body_lines, inserts, end)
    source = [*prefix, *_paragraph(head, end), *rest]
    edited = any(part.changed or part.before or part.after for part in parts) or bool(head or tail)
    if any(not is_blank(line) for line in tail):
        source = _remember(source, finished(tail, end), end)
    elif source and not manifest.final_newline:
        source[-1] = bare(source[-1])
    rows = [line for part in parts if part.kind == INDEX for line in part.now]
    edits = index.read_edits(rows, manifest.rows, manifest.intro)
    added = [*head, *tail, *(line for part in parts for line in [*part.before, *part.after])]
    remembered = {line_hash(line) for line in added if not is_blank(line)} | set(manifest.remembered)
    return Merged("".join(source), replace(edits, remembered=frozenset(remembered)), edited)


def _refuse_pasted(lines: Sequence[str]) -> None:
    """Lines of ours that somebody pasted into L1: they would go on into the text, where nothing reads them."""
    ours = [
        (number, bare(line).strip()) for number, line in enumerate(lines, start=1) if MARK.fullmatch(line)
    ]
    for kind, most in (("index", 1), ("end", 1), ("l1", 0), ("l2", 0), ("rule", 0)):
        found = [number for number, line in ours if line.startswith(f"<!-- gaia:{kind}")]
        if len(found) > most:
            where = ", ".join(map(str, found[:5])) + ("" if len(found) <= 5 else ", …")
            once = (
                "delete all but one, with what was pasted around it"
                if most
                else "it belongs to L2: delete it"
            )
            raise ConflictError([f"L1 has our comment `<!-- gaia:{kind} …` at line {where}: {once}"])


def _remember(source: list[str], tail: list[str], end: str) -> list[str]:
    """The source with text that was added behind the index.

    A section of its own goes to the end. What has no heading would there belong to the last section, whatever that
    is: it goes to the end of what stands under the title.
    """
    added = _trimmed(tail)
    at = len(source)
    if not added[0].startswith("#"):
        text = parse("".join(source))
        headings = [b for b in text.blocks if b.kind == "heading"]
        if headings and headings[0].level == 1 and len(headings) > 1:
            at = headings[1].start
        elif headings and headings[0].level > 1 and headings[0].start > text.prefix:
            at = headings[0].start
        at = min([at, *(region.start for region in text.regions if region.start < at < region.end)])
    before, after = source[:at], source[at:]
    apart = [end] if before and not is_blank(before[-1]) else []
    if after and not after[0].startswith("#"):
        return [*source, *([end] if source and not is_blank(source[-1]) else []), *added]
    return [*before, *apart, *added, *([end] if after else []), *after]


def _attribute(lines: list[str], manifest: Manifest) -> tuple[list[_Part], list[str], list[str]]:
    """Give every line of L1 to the segment it came from; also what was put before all of them and after."""
    parts: list[_Part] = []
    owners: list[int] = []
    for kind, count, piece in manifest.segments:
        parts.append(_Part(kind, piece, manifest.lines[len(owners) : len(owners) + count]))
        owners += [len(parts) - 1] * count
    head: list[str] = []
    tail: list[str] = []
    hashes = [line_hash(line) for line in lines]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, manifest.lines, hashes, autojunk=False).get_opcodes():
        new = lines[j1:j2]
        if tag == "equal":
            for owner, line in zip(owners[i1:i2], new, strict=True):
                parts[owner].now.append(line)
                parts[owner].kept += 1
        elif tag == "insert":
            _insert(
                parts, owners[i1 - 1] if i1 else -1, owners[i1] if i1 < len(owners) else -1, new, head, tail
            )
        elif tag == "replace":
            pairs = min(i2 - i1, j2 - j1)
            for owner, line in zip(owners[i1 : i1 + pairs], new, strict=False):
                _replace(parts, owner, line)
            last = owners[i1 + pairs - 1]
            following = owners[i1 + pairs] if i1 + pairs < len(owners) else -1
            if new[pairs:]:
                _insert(parts, last, following, new[pairs:], head, tail)
    ending = next((part for part in parts[::-1] if part.kind == INDEX), None)
    if ending:
        marks = [bare(line).strip() for line in ending.now]
        if index.END in marks:
            at = marks.index(index.END) + 1
            tail = [*ending.now[at:], *tail]
            del ending.now[at:]
    return parts, head, tail


def _replace(parts: list[_Part], owner: int, line: str) -> None:
    """A line in place of another; where a blank separator was, it belongs to the piece before."""
    if parts[owner].kind == SEPARATOR and not is_blank(line):
        piece = next((part for part in parts[owner::-1] if part.kind in (PIECE, TEMPLATE)), None)
        if piece:
            piece.after.append(line)
            return
    parts[owner].now.append(line)


def _insert(
    parts: list[_Part], before: int, after: int, new: list[str], head: list[str], tail: list[str]
) -> None:
    """Lines that were added between two segments, or inside one."""
    if before < 0 or (parts[before].kind == FRONTMATTER and after != before):
        head += new
    elif before == after:
        parts[before].now += new
    elif after < 0 or parts[before].kind == INDEX:
        tail += new
    elif parts[before].kind == HEADING:
        parts[after].before += new
    else:
        _insert_after_piece(parts, before, after, new, tail)


def _insert_after_piece(parts: list[_Part], before: int, after: int, new: list[str], tail: list[str]) -> None:
    """Lines behind a piece go with it; from their first heading on they are sections of their own."""
    at = next((n for n, line in enumerate(new) if line.startswith("#")), len(new))
    piece = next((part for part in parts[before::-1] if part.kind in (PIECE, TEMPLATE)), None)
    if piece is None or piece.kind == TEMPLATE:
        tail += new
        return
    inside = parts[before] is piece
    (piece.now if inside and not piece.after else piece.after).extend(new[:at])
    following = next((part for part in parts[after:] if part.kind in (HEADING, PIECE, INDEX)), None)
    if following and following.kind == HEADING:
        following.before += new[at:]
    elif following and following.kind == PIECE:
        piece.after += new[at:]
    else:
        tail += new[at:]


def _refuse_when_gone(parts: Sequence[_Part]) -> None:
    pieces = [part for part in parts if part.kind == PIECE and part.base]
    gone = [part for part in pieces if not part.now and not part.before and not part.after]
    if gone and 2 * len(gone) >= len(pieces):
        raise ConflictError(
            [
                f"{len(gone)} of {len(pieces)} pieces are gone from L1; to delete them on purpose, restore, "
                "join, and delete them from the whole file"
            ]
        )


def _anchors(body: Sequence[str], parts: Sequence[_Part]) -> dict[int, int]:
    """Where each piece's anchor stands in L2."""
    places: dict[int, list[int]] = {}
    for at, line in enumerate(body):
        if found := ANCHOR.fullmatch(bare(line).strip()):
            places.setdefault(int(found[1]), []).append(at)
    pieces = {part.piece for part in parts if part.kind == PIECE}
    problems = [f"L2 lacks the line <!-- gaia:l1 {piece} -->" for piece in sorted(pieces - places.keys())]
    problems += [
        f"L2 has <!-- gaia:l1 {n} --> {len(at)} times" for n, at in sorted(places.items()) if len(at) > 1
    ]
    problems += [
        f"L2 has <!-- gaia:l1 {n} -->, which L1 knows nothing of" for n in sorted(places.keys() - pieces)
    ]
    if problems:
        raise ConflictError(problems)
    return {piece: at[0] for piece, at in places.items()}


def _carry_headings(
    parts: Sequence[_Part], body: list[str], anchors: dict[int, int]
) -> tuple[dict[int, list[str]], list[str]]:
    """Carry heading edits from L1 into L2; return new sections by the line before which they go, and the rest."""
    hashes = [line_hash(line) for line in body]
    inserts: dict[int, list[str]] = {}
    homeless: list[str] = []
    problems: list[str] = []
    for number, part in enumerate(parts):
        changed = part.changed and bool(part.now)
        if part.kind != HEADING or not (changed or part.before):
            continue
        below = next((anchors[p.piece] for p in parts[number:] if p.kind == PIECE), len(body))
        size = len(part.base)
        place = next((at for at in range(below - size, -1, -1) if hashes[at : at + size] == part.base), -1)
        if place < 0:
            homeless += part.before
            wanted = [line_hash(line) for line in part.now]
            if changed and not any(hashes[at : at + len(wanted)] == wanted for at in range(below)):
                problems.append(f"the heading {bare(part.now[0])!r} was changed in L1 and, otherwise, in L2")
            continue
        if part.before:
            inserts[place] = [*inserts.get(place, []), *part.before]
        if changed:
            body[place : place + size] = ["".join(part.now), *[""] * (size - 1)]
    if problems:
        raise ConflictError(problems)
    return inserts, homeless


def _with_pieces(
    parts: Sequence[_Part], body: Sequence[str], inserts: dict[int, list[str]], end: str
) -> list[str]:
    """The body of L2 with the pieces back in place of their anchors."""
    pieces = {part.piece: part for part in parts if part.kind == PIECE}
    lines: list[str] = []
    for at, line in enumerate(body):
        lines += _paragraph(inserts.get(at, []), end)
        found = ANCHOR.fullmatch(bare(line).strip())
        if found:
            lines += _piece(pieces[int(found[1])], end)
        elif line:
            lines.append(line)
    return lines


def _piece(part: _Part, end: str) -> list[str]:
    if not (part.changed or part.before or part.after):
        return part.now
    lines = [*part.before, *part.now]
    added = _trimmed(part.after)
    if added:
        apart = [end] if lines and not is_blank(lines[-1]) else []
        lines += [*apart, *added]
    return _trimmed(lines)


def _trimmed(lines: Sequence[str]) -> list[str]:
    """The lines without blank ones at either end."""
    kept = list(lines)
    while kept and is_blank(kept[0]):
        del kept[0]
    while kept and is_blank(kept[-1]):
        del kept[-1]
    return kept


def _paragraph(lines: Sequence[str], end: str) -> list[str]:
    """The lines closed by one blank line, or nothing."""
    kept = _trimmed(lines)
    return [*kept, end] if kept else []
