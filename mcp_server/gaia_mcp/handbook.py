"""The sections of the project's files of instructions, parsed anew only when one of the files has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gaia_mcp import place
from gaia_mcp.kept import Answers, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from pathlib import Path

    from gaia_claude_md import Section
    from gaia_claude_md.markdown.blocks import Document
    from gaia_claude_md.markdown.lookup import Found

Value = TypeVar("Value")
_answers = Answers()


class Size(NamedTuple):
    """What a list says of a section; `file` is its L1."""

    file: Path
    slug: str
    title: str
    tokens: int


def sections(files: Sequence[Path]) -> list[tuple[Path, Section]]:
    """All sections in order, each with its L1. Raises InputError where a file cannot be read."""
    from gaia_claude_md.markdown.sections import sections_of

    return _answer(
        "sections",
        files,
        lambda documents: [
            (file, one) for file, text in zip(files, documents, strict=True) for one in sections_of(text)
        ],
    )


def sizes(files: Sequence[Path]) -> list[Size]:
    """Slug, title and estimated tokens of each section. Raises InputError where a file cannot be read."""
    return _answer(
        "sizes",
        files,
        lambda _: [Size(file, one.slug, one.title, one.tokens) for file, one in sections(files)],
    )


def section(name: str, files: Sequence[Path]) -> Found:
    """One section by slug, number or title, with its file as it is shown.

    Raises NotFoundError with the nearest names; InputError, with the names to choose from, where several files
    have such a section.
    """
    from gaia_claude_md.markdown.lookup import find

    shown = [place.shown(file) for file in files]
    return _answer(
        ("section", name), files, lambda documents: find(list(zip(shown, documents, strict=True)), name)
    )


def _answer(question: Hashable, files: Sequence[Path], ask: Callable[[list[Document]], Value]) -> Value:
    stamps = tuple(map(_stamp, files))

    def documents() -> list[Document]:
        return [_document(file, stamp) for file, stamp in zip(files, stamps, strict=True)]

    return _answers.get((question, tuple(map(str, files))), stamps, lambda: ask(documents()))


def _document(file: Path, stamp: Hashable) -> Document:
    from gaia_claude_md import document

    return _answers.get(("document", str(file)), stamp, lambda: document(file))


def _stamp(file: Path) -> Hashable:
    from gaia_claude_md.files.reading import l2_of

    return mark(str(file)), mark(str(l2_of(file)))
