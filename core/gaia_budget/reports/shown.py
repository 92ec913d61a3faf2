"""How every face writes figures and names: cents that add up, names that steer no terminal, rows as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from gaia_hooks.facts import names
from gaia_hooks.facts.prices import money as facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NONE = "–"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def name(text: str, most: int = names.SHOWN_LIMIT) -> str:
    """A name as it may be shown: in words that people know, without what steers, cut to `most` characters."""
    return names.said(text, most)


def model(text: str) -> str:
    """A model as people call it: without its maker and its date, where it has them."""
    plain = name(text).removeprefix("claude-").removeprefix("models/")
    head, _, date = plain.rpartition("-")
    return head if len(date) == 8 and date.isdigit() else plain


def cents(amounts: Sequence[int]) -> tuple[list[str], str]:
    """Nano-dollars rounded to cents, and their total: the column adds up to what stands below it.

    The total is rounded; of the rows those are rounded up that lose most (largest remainder). A zero is a dash.
    """
    whole = facts.cents(sum(amounts))
    floors = [amount // facts.CENT for amount in amounts]
    by_loss = sorted(range(len(amounts)), key=lambda place: (-(amounts[place] % facts.CENT), place))
    for place in by_loss[: max(0, whole - sum(floors))]:
        floors[place] += 1
    cells = [
        NONE if not amount else facts.dollars(floor) for amount, floor in zip(amounts, floors, strict=True)
    ]
    return cells, facts.dollars(whole) if any(amounts) else NONE


def money(nano: int | None) -> str:
    """An amount by itself, to the cent; a dash for none."""
    return NONE if nano is None else facts.dollars(facts.cents(nano))


def percent(share: float | None) -> str:
    """A percentage cut to a whole one: 79.99 is not yet 80."""
    return NONE if share is None else f"{int(share)} %"


def span(micros: int) -> str:
    """A length of time in hours and minutes."""
    hours, minutes = divmod(micros // 60_000_000, 60)
    return f"{hours} h {minutes:02d}" if hours else f"{minutes} min"


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a head; figures exact, lists with blanks between, and no name that a spreadsheet would run."""
    found = list(rows)
    out = io.StringIO()
    if found:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(found[0])
        writer.writerows([_cell(value) for value in row.values()] for row in found)
    return out.getvalue()


def markdown(text: str) -> str:
    """A name as Markdown shows it to the letter."""
    escaped = name(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+!|~" else sign for sign in escaped)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return _cell(" ".join(map(str, value)))
    if isinstance(value, str):
        clean = names.shown(value, len(value) + 1)
        return f"'{clean}" if clean.startswith(FORMULA) and not _is_number(clean) else clean
    return "" if value is None else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
