"""What an L1 would look like with a given choice of units: its lines, its index, its size."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.blocks import comment_text
from gaia_claude_md.markdown.tokens import estimate
from gaia_claude_md.pair import index, layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_claude_md.markdown.blocks import Document
    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.markdown.units import Unit
    from gaia_claude_md.pair.layout import Segment

MAX_LINES = 29
INDEX_LINES = 4  # of the 29; a row holds several sections where there are more
_SILENT = {"heading", "hr"}


@dataclass(slots=True)
class Draft:
    """The parts of L1 that do not depend on the choice, and how roomy its index is."""

    document: Document
    sections: Sequence[Section]
    words: dict[str, list[str]]
    edits: index.Edits
    l2_name: str
    most_words: int = index.MOST_WORDS
    row_lines: int = INDEX_LINES
    ruled: frozenset[str] = frozenset()
    """Slugs of sections that load by themselves, with the files they are for."""
    _spoken: list[int] = field(init=False)

    def __post_init__(self) -> None:
        blocks, lines = self.document.blocks, self.document.lines
        spoken = [b for b in blocks if b.kind not in _SILENT and comment_text(b, lines) is None]
        self._spoken = [block.start for block in spoken]

    def segments(self, chosen: Sequence[Unit], template: Sequence[str] = ()) -> list[Segment]:
        """L1 with these units and template texts."""
        lines = [index.begin("0" * 8), *self.index(chosen)]
        return layout.segments_of(self.document, chosen, template, lines)

    def index(self, chosen: Sequence[Unit]) -> list[str]:
        """The lines of the index below its opening comment."""
        return index.render(self.entries(chosen), self.row_lines, self.l2_name, self.edits)

    def entries(self, chosen: Sequence[Unit]) -> dict[str, str]:
        """The entries of the index: one for every section that something of stays in L2."""
        remaining = [
            section
            for section in self.sections
            if section.slug not in self.ruled and self.remains(section, chosen)
        ]
        return index.entries(remaining, self.words, self.most_words, self.edits)

    def remains(self, section: Section, chosen: Sequence[Unit]) -> bool:
        """Whether anything of a section besides headings, comments and rules stays in L2."""
        moved = [unit for unit in chosen if section.start <= unit.start < section.end]
        first, last = (bisect_left(self._spoken, at) for at in (section.start, section.end))
        return any(
            not any(unit.start <= start < unit.end for unit in moved) for start in self._spoken[first:last]
        )


def line_count(segments: Sequence[Segment]) -> int:
    """The physical lines of L1, everything included."""
    return sum(len(segment.lines) for segment in segments)


def token_count(segments: Sequence[Segment]) -> int:
    """Estimated tokens of L1 as loaded: the comments that frame the index are stripped by the client."""
    lines = [line for segment in segments for line in segment.lines]
    return estimate("".join(line for line in lines if not line.startswith("<!-- gaia:")))
