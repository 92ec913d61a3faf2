"""What is asked about: a stretch of time and the names that it is narrowed to, in every face's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.ledger.database.measures import DIMENSIONS, Figures
from gaia_budget.ledger.questions import AXES, TIMES, Row, Spend
from gaia_budget.model import Billing, Source
from gaia_hooks.facts import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.zone import When

NARROWING = tuple(axis for axis in AXES if axis not in (*TIMES, "response"))
"""What an answer can be narrowed by: every axis that holds names."""
FIXED: dict[str, tuple[str, ...]] = {"source": get_args(Source), "billing": get_args(Billing)}
"""Axes whose names are known beforehand."""
SHORT = 8
"""Characters of a session's id that people are shown; every command takes them."""
ALL_PROJECTS = "`gaia-budget projects` shows all."
EVERYTHING: Mapping[str, str] = {}


class Asked(NamedTuple):
    """[since, until) as a user writes it (see `Zone.instant`), and one value for each axis of `where`."""

    since: When = None
    until: When = None
    where: Mapping[str, str] = EVERYTHING


def sums(ledger: Ledger, by: Sequence[str], asked: Asked) -> Spend:
    """What was spent by these axes, narrowed to `asked.where`.

    Raises InputError for an unknown axis or time and a stretch that ends before it begins, NotFoundError for a name
    that nothing was ever spent on.
    """
    for axis in asked.where:
        if axis not in NARROWING:
            raise InputError(
                f"nothing can be narrowed by {axis!r}. Valid: {', '.join(NARROWING)}", slug="not-valid"
            )
    named = dict(asked.where)
    since, until = ledger.instant(asked.since), ledger.instant(asked.until, end=True)
    if since is not None and until is not None and until <= since:
        raise InputError(
            f"the stretch from {asked.since} to {asked.until} ends before it begins", slug="not-valid"
        )
    if "session" in named:
        named["session"] = session_named(ledger, named["session"])
    module, session = named.pop("module", None), named.pop("session", None)
    module = module and module_named(ledger, module)
    if "hour" in by and set(named) <= set(
        DIMENSIONS
    ):  # of so many rows only those that are asked for are read
        _refuse_unknown(ledger, named)
        return ledger.spend(as_stored(by), since, until, module, session, named)._replace(by=tuple(by))
    extra = [axis for axis in named if axis not in by]
    answer = ledger.spend((*as_stored(by), *extra), since, until, module, session)
    answer = answer._replace(by=(*by, *extra))
    if not named:
        return answer
    _refuse_unknown(ledger, named)
    return _narrowed(answer, tuple(by), named)


def axes_of(text: str) -> list[str]:
    """The axes that somebody names, with commas between them. Raises InputError for one that is named again."""
    axes = [axis.strip() for axis in text.split(",") if axis.strip()]
    stored = as_stored(axes)
    again = next((axis for axis in stored if stored.count(axis) > 1), "")
    if again:
        raise InputError(
            f"by names {names.shown(again, 40)!r} more than once; name it once", slug="not-valid"
        )
    return axes


def as_stored(by: Sequence[str]) -> tuple[str, ...]:
    """Axes as the ledger names them: people say `project` for the module that a project falls under."""
    return tuple("module" if axis == "project" else axis for axis in by)


def _narrowed(answer: Spend, by: tuple[str, ...], named: Mapping[str, str]) -> Spend:
    wanted = [(answer.by.index(axis), value) for axis, value in named.items()]
    merged: dict[tuple[str, ...], Figures] = {}
    for row in answer.rows:
        if all(row.key[place] == value for place, value in wanted):
            key = row.key[: len(by)]
            merged[key] = merged[key].plus(row.figures) if key in merged else row.figures
    total = Figures.sum(merged.values())
    rows = [Row(key, figures) for key, figures in merged.items()]
    if not set(by) & set(TIMES):
        rows.sort(key=lambda row: (-row.figures.cost_nano, -row.figures.budget_tokens, row.key))
    return answer._replace(by=by, total=total, rows=rows)


def _refuse_unknown(ledger: Ledger, named: Mapping[str, str]) -> None:
    for axis, value in named.items():
        if value in FIXED.get(axis, ()):
            continue
        known = sorted({*FIXED.get(axis, ()), *(row.key[0] for row in ledger.spend((axis,)).rows)})
        if value not in known:
            raise NotFoundError(axis, value, known)


def module_named(ledger: Ledger, name: str) -> str:
    """The project or module of that name, whatever its case. Raises NotFoundError with those that there are."""
    from gaia_budget import owner
    from gaia_budget.settings import load

    known = {row.key[0] for row in ledger.spend(("module",)).rows}
    named = (*owner.load_token_budget().per_module, *owner.load_registry().projects, *load().modules)
    known |= {one.lower() for one in named}
    for wanted in (name, name.lower()):
        if wanted in known:
            return wanted
    raise NotFoundError("project", name, nearest(name, sorted(known)), cure=ALL_PROJECTS)


def nearest(name: str, choices: Sequence[str]) -> list[str]:
    """The few choices that are most like a name; those that begin with it first."""
    from difflib import get_close_matches

    begins = [one for one in choices if name and one.startswith(name)]
    return list(dict.fromkeys([*begins, *get_close_matches(name, choices, 5, 0.5)]))[:5]


def session_named(ledger: Ledger, words: str) -> str:
    """The session whose id is `words` or begins so.

    Raises InputError where several do, NotFoundError with the last ones where none does.
    """
    found = ledger.sessions_named(words) if words else []
    if words in found:
        return words
    if len(found) > 1:
        raise InputError(
            f"several sessions begin with {words!r}: {', '.join(found)}. Give more letters", slug="not-one"
        )
    if not found:
        raise NotFoundError("session", words, [one[:SHORT] for one in ledger.recent_sessions()])
    return found[0]
