"""The splitter: CLAUDE.md stays under 30 lines, everything else loads on demand from CLAUDE_L2.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_claude_md.markdown.blocks import Document
    from gaia_claude_md.markdown.sections import Section

__all__ = ["Section", "document", "load_section", "section", "sections"]


def __getattr__(name: str) -> type[Section]:
    """`Section` for whoever names the type; servers start without the parser behind it."""
    if name != "Section":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gaia_claude_md.markdown.sections import Section

    return Section


def document(path: Path | str) -> Document:
    """A CLAUDE.md, split or not, parsed as one text. `path` is the file or its folder. Raises InputError."""
    from gaia_claude_md.files.source import read_source
    from gaia_claude_md.markdown.blocks import parse

    return parse(read_source(path).text)


def sections(path: Path | str) -> list[Section]:
    """The sections of a CLAUDE.md, split or not, in order: `slug`, `title`, `lines`, `tokens` (estimated), `text`.

    `path` is the file or its folder. Raises InputError.
    """
    from gaia_claude_md.markdown.sections import sections_of

    return sections_of(document(path))


def section(name: str, path: Path | str) -> Section:
    """One section, by slug, number (from 1) or title; `text` is exact.

    Raises NotFoundError with the nearest names; InputError when the file cannot be read.
    """
    from gaia_claude_md.markdown.lookup import find_section

    return find_section(document(path), name)


def load_section(name: str, path: Path | str) -> str:
    """The exact text of one section; raises what `section` raises."""
    return section(name, path).text
