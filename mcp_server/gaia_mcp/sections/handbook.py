"""The sections of the project's files of instructions, as they are at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_mcp import place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gaia_claude_md import Section
    from gaia_claude_md.markdown.lookup import Found


class Size(NamedTuple):
    """What a list says of a section; `file` is its L1."""

    file: Path
    slug: str
    title: str
    tokens: int


def sections(files: Sequence[Path]) -> list[tuple[Path, Section]]:
    """All sections in order, each with its L1. Raises InputError where a file cannot be read."""
    from gaia_claude_md import document
    from gaia_claude_md.markdown.sections import sections_of

    return [(file, one) for file in files for one in sections_of(document(file))]


def sizes(files: Sequence[Path]) -> list[Size]:
    """Slug, title and estimated tokens of each section. Raises InputError where a file cannot be read."""
    return [Size(file, one.slug, one.title, one.tokens) for file, one in sections(files)]


def section(name: str, files: Sequence[Path]) -> Found:
    """One section by slug, number or title, with its file as it is shown.

    Raises NotFoundError with the nearest names; InputError, with the names to choose from, where several files
    have such a section.
    """
    from gaia_claude_md import document
    from gaia_claude_md.markdown.lookup import find

    return find([(place.shown(file), document(file)) for file in files], name)
