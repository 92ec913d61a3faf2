"""The sections of the project's CLAUDE.md and CLAUDE_L2.md, parsed anew only when one of the files has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gaia_mcp.kept import Answers, mark
from gaia_mcp.place import L1, L2

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from gaia_claude_md import Section
    from gaia_claude_md.markdown.blocks import Document

Value = TypeVar("Value")
_answers = Answers()


def sections(file: Path) -> list[Section]:
    """All sections in order. Raises InputError where the file cannot be read."""
    from gaia_claude_md.markdown.sections import sections_of

    return _answer("sections", file, sections_of)


def sizes(file: Path) -> list[tuple[str, str, int]]:
    """Slug, title and estimated tokens of each section. Raises InputError where the file cannot be read."""
    return _answer("sizes", file, lambda _: [(one.slug, one.title, one.tokens) for one in sections(file)])


def section(name: str, file: Path) -> Section:
    """One section by slug, number or title. Raises NotFoundError with the nearest names, InputError."""
    from gaia_claude_md.markdown.sections import find_section

    return _answer(("section", name), file, lambda document: find_section(document, name))


def _answer(question: Hashable, file: Path, ask: Callable[[Document], Value]) -> Value:
    l1 = str(file)
    stamp = (mark(l1), mark(l1.removesuffix(L1) + L2))

    def parsed() -> Document:
        from gaia_claude_md import document

        return _answers.get(("document", l1), stamp, lambda: document(file))

    return _answers.get((question, l1), stamp, lambda: ask(parsed()))
