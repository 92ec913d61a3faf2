"""What can move to L1: blocks that only make sense together are one unit, and a unit moves whole or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gaia_claude_md.markdown.blocks import Block, Document, Region, comment_text, is_torn
from gaia_claude_md.markdown.lines import bare, is_blank, split_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Pin = Literal["l1", "l2", ""]
LISTS = {"bullet_list", "ordered_list"}
PIN = re.compile(r"<!--\s*(l1|l2)\s*-->", re.IGNORECASE)
_PIN_TEXT = re.compile(r"(l1|l2)", re.IGNORECASE)
_BOLD_LINE = re.compile(r"\s*(\*\*|__)[^*_].{0,300}\1[:：]?\s*")
_REFERS = re.compile(r" {0,3}(?:This|These|That|Those|It|They|Otherwise|Then) ")
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(`{3,}|~{3,})")
_TICKS = re.compile(r"`+")
_IMPORT = re.compile(r"(?:^|(?<=\s))@((?:[^\s\\#]|\\ )+)")
_IMPORTED_NAME = re.compile(
    r"(?:\./|~/|/(?=.)|\.\./)|.*\.(?:md|mdc|mdx|markdown|txt|text|rst|json|ya?ml|toml)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Blocks that move together: lines `start` to `end`, under the headings `path` (outermost first).

    `first` is the first unit of the source; `torn` stands inside a tag wrapper that holds more than the unit.
    """

    start: int
    end: int
    blocks: tuple[Block, ...]
    path: tuple[Block, ...]
    pin: Pin
    managed: bool
    imports: tuple[str, ...]
    first: bool
    torn: bool
    remembered: bool = False

    @property
    def forced(self) -> bool:
        """Whether the unit has to be in L1: pinned or added there, a managed block, or carrying an import."""
        return self.pin == "l1" or (
            self.pin != "l2" and (self.managed or bool(self.imports) or (self.remembered and not self.torn))
        )

    @property
    def why_forced(self) -> str:
        """The reason, for messages."""
        if self.pin == "l1":
            return "pinned by <!-- l1 -->"
        if self.remembered:
            return "was added to L1"
        return "managed block" if self.managed else f"import @{self.imports[0]}"


def imports_in(text: str, exists: Callable[[str], bool]) -> list[str]:
    """The targets of `@path` imports outside inline code, by Claude Code's own pattern.

    A target counts when it is written like a file (a text extension, `./`, `~/`, `/`) or `exists`; `@name` and
    `@scope/package` in prose are no imports.
    """
    if "@" not in text:
        return []
    prose = without_code(text)
    targets = [found.replace("\\ ", " ").rstrip(".,;:!?)]}'\"*_") for found in _IMPORT.findall(prose)]
    return [target for target in targets if target and (_IMPORTED_NAME.match(target) or exists(target))]


def units_of(document: Document, exists: Callable[[str], bool]) -> list[Unit]:
    """The units of a source in order. Headings and comments belong to none; they stay where they are."""
    units: list[Unit] = []
    path: list[Block] = []
    section_pins: list[tuple[int, Pin]] = []
    stretch: list[tuple[Block, Pin]] = []
    pin: Pin = ""

    def close() -> None:
        inherited: Pin = section_pins[-1][1] if section_pins else ""
        for group in _groups(document, stretch):
            blocks = [block for block, _ in group]
            units.append(_unit(document, blocks, tuple(path), group[0][1] or inherited, not units, exists))
        stretch.clear()

    for block in _merged(document):
        comment = comment_text(block, document.lines)
        if comment is not None:
            pin = _pin_of(comment) or pin
            continue
        if block.kind != "heading":
            stretch.append((block, pin))
        else:
            close()
            while path and path[-1].level >= block.level:
                path.pop()
            while section_pins and section_pins[-1][0] >= block.level:
                section_pins.pop()
            if imports_in(block.title, exists):
                units.append(_unit(document, [block], tuple(path), "", False, exists))
            path.append(block)
            if pinned := pin or _inline_pin(block.title):
                section_pins.append((block.level, pinned))
        pin = ""
    close()
    return units


def _groups(document: Document, stretch: Sequence[tuple[Block, Pin]]) -> list[list[tuple[Block, Pin]]]:
    """The blocks under one heading as units: whole lists, and what leads in with what it leads to."""
    bound = [
        place > 0 and not pin and _bound(document, stretch, place) for place, (_, pin) in enumerate(stretch)
    ]
    numbered = -1
    for place, (block, _) in enumerate(stretch):
        if block.kind == "ordered_list":
            if block.first_number > 1 and numbered >= 0:
                bound[numbered + 1 : place + 1] = [True] * (place - numbered)
            numbered = place
    groups: list[list[tuple[Block, Pin]]] = []
    for entry, joined in zip(stretch, bound, strict=True):
        if joined:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _unit(
    document: Document,
    group: Sequence[Block],
    path: tuple[Block, ...],
    pin: Pin,
    first: bool,
    exists: Callable[[str], bool],
) -> Unit:
    imports: list[str] = []
    for block in group:
        if block.kind not in {"fence", "code_block"}:
            text = without_fences(document.text(block.start, block.end))
            imports += imports_in(text, exists)
            pin = _inline_pin(without_code(text)) or pin
    managed = any(block.kind == "managed" for block in group)
    inside = any(not r.managed and r.start <= group[0].start < r.end for r in document.regions)
    torn = (inside and group[0].kind != "wrapper") or any(
        block.kind == "html_block" and is_torn(document.text(block.start, block.end)) for block in group
    )
    return Unit(group[0].start, group[-1].end, tuple(group), path, pin, managed, tuple(imports), first, torn)


def without_fences(text: str) -> str:
    """A block's text without the code fences inside it."""
    if "```" not in text and "~~~" not in text:
        return text
    kept: list[str] = []
    fence = ""
    for line in split_lines(text):
        opening = _FENCE.match(line)
        if not fence and opening:
            fence = opening[1]
        elif fence and opening and opening[1].startswith(fence) and opening[1] == line.strip("> \t\r\n"):
            fence = ""
        elif not fence:
            kept.append(line)
    return "".join(kept)


def without_code(text: str) -> str:
    """A text with a blank for each span of inline code: from a run of backticks to the next of its length."""
    runs = [(found.start(), found.end()) for found in _TICKS.finditer(text)]
    following: dict[int, int] = {}
    closing = [-1] * len(runs)
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        closing[number] = following.get(length, -1)
        following[length] = number
    kept: list[str] = []
    at = number = 0
    while number < len(runs):
        if closing[number] >= 0:
            kept += [text[at : runs[number][0]], " "]
            number = closing[number]
            at = runs[number][1]
        number += 1
    return "".join([*kept, text[at:]])


def _pin_of(comment: str) -> Pin:
    found = _PIN_TEXT.fullmatch(comment)
    return _as_pin(found[1]) if found else ""


def _inline_pin(text: str) -> Pin:
    found = PIN.search(text) if "<!--" in text else None
    return _as_pin(found[1]) if found else ""


def _as_pin(word: str) -> Pin:
    return "l1" if word.lower() == "l1" else "l2"


def _merged(document: Document) -> list[Block]:
    """The blocks, with each managed block, and each wrapper that holds no heading, as one block of its own."""
    merged: list[Block] = []
    regions = [region for region in document.regions if _whole(document, region)]
    for block in document.blocks:
        region = next((r for r in regions if r.start <= block.start < r.end), None)
        if region is None:
            merged.append(block)
        elif not merged or merged[-1].start != region.start:
            merged.append(Block("managed" if region.managed else "wrapper", region.start, region.end))
    return merged


def _whole(document: Document, region: Region) -> bool:
    if region.managed:
        return True
    return not any(b.kind == "heading" and region.start <= b.start < region.end for b in document.blocks)


def _bound(document: Document, stretch: Sequence[tuple[Block, Pin]], place: int) -> bool:
    """Whether a block belongs to the one before it.

    It does when nothing separates the two, when the one before leads in (ends in a colon, or is a bold line), when
    it refers back (begins "This …"), and when list follows list: half a list misleads.
    """
    before, block = stretch[place - 1][0], stretch[place][0]
    gap = document.lines[before.end : block.start]
    if "managed" in (before.kind, block.kind) or not all(is_blank(line) for line in gap):
        return False
    if not gap or (block.kind in LISTS and before.kind in LISTS):
        return True
    last = bare(document.lines[before.end - 1]).rstrip(" \t*_`")
    if last.endswith((":", "：")) or (
        block.kind == "paragraph" and _REFERS.match(document.lines[block.start])
    ):
        return True
    return before.kind == "paragraph" and bool(_BOLD_LINE.fullmatch(document.text(before.start, before.end)))
