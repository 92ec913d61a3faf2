"""What commands share: options, and how they answer: one JSON document on stdout, or text for people."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

JsonFlag = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout; everything else on stderr.")
]
Since = Annotated[
    str | None, typer.Option(help="From here on: 2026-11-23, 2026-11, 7d, 36h, today, month, or a time.")
]
Until = Annotated[str | None, typer.Option(help="Up to here; a date includes its day.")]
Module = Annotated[str | None, typer.Option(help="This module alone.")]
Project = Annotated[str | None, typer.Option(help="This project alone.")]
Top = Annotated[int | None, typer.Option(min=1, help="The first rows alone: the newest, or the dearest.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Every column and exact figures, as CSV on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the diff; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Exact = Annotated[
    bool,
    typer.Option("--exact", help="Ask Anthropic, which sends the text there and needs ANTHROPIC_API_KEY."),
]

# What steers a terminal, and what turns the direction of the text beside it.
_STEERING = (
    *range(32),
    *range(127, 160),
    0x61C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
DEVICES = ("/", "dev")
WITHOUT_CONTROLS = {code: None for code in _STEERING if chr(code) not in "\t\n"}


def emit_json(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=not _takes_every_sign(), indent=2) + "\n")


def answered(document: dict[str, Any], as_json: bool, as_csv: bool) -> bool:
    """Whether a program asked, which then has its document, or the rows of it as CSV."""
    if as_json:
        emit_json(document)
    elif as_csv:
        from gaia_budget.reports.shown import csv_text

        sys.stdout.write(csv_text(document["rows"]))
    return as_json or as_csv


def _takes_every_sign() -> bool:
    """Whether standard output is UTF-8; elsewhere JSON writes its signs as escapes, and nothing is lost."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"


def say(text: str, end: str = "\n") -> None:
    """Print text on stdout, to the letter; only what would steer a terminal (names come from files) is taken out."""
    sys.stdout.write(text.translate(WITHOUT_CONTROLS) + end)


def note(text: str, end: str = "\n") -> None:
    """Print a remark on stderr, where it never mixes with a document; in the same way."""
    sys.stderr.write(text.translate(WITHOUT_CONTROLS) + end)


def not_a_link(out: Path) -> Path:
    """A file that was named to be written. Raises InputError for a link: a clone could have laid it there.

    Those of the system stand for open files (`/dev/stdout`).
    """
    if out.is_symlink() and out.absolute().parts[:2] != DEVICES:
        raise InputError(
            f"{out} is a symbolic link to {out.readlink()}; nothing was written. Name that file itself, or another",
            slug="file-link",
        )
    return out


def warn_of_broken_files() -> None:
    """Say on stderr what is wrong with the owner's files, where the answer itself does not need them."""
    from gaia_budget import owner

    for problem in owner.problems():
        note(f"warning: {problem}")


def columns(lines: list[list[str]], *, left: int) -> str:
    """Lines of cells as a plain table, never cut: the first `left` columns to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
