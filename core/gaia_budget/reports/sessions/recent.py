"""Sessions, the newest first: when, in which project, how much of their limit, by which models and how many agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import NotFoundError
from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.zone import iso
from gaia_budget.reports import books
from gaia_budget.reports.asked import SHORT, Asked, module_named, session_named
from gaia_budget.reports.money.cache import share_from_cache
from gaia_budget.reports.sessions.session import SessionReport, find
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.sessions import SessionSpend

OF_SESSIONS = ("module", "user", "machine")
"""What sessions are narrowed by: to those that spent something there."""
USUAL = 20
"""Sessions that a list shows where nobody says how many."""


class SessionLine(NamedTuple):
    """A session and what it spent."""

    status: SessionReport
    spend: SessionSpend

    @property
    def short(self) -> str:
        """The first letters of its id."""
        return self.spend.session_id[:SHORT]

    @property
    def agents(self) -> int:
        """How many subagents worked in it."""
        return sum(part.key != "main" for part in self.spend.agents)

    @property
    def from_cache(self) -> float | None:
        """Percent of the prompt that was read from the cache; None without a prompt."""
        return share_from_cache(self.spend.figures)

    def document(self) -> dict[str, Any]:
        """One of `rows`."""
        spend = self.spend
        return {
            "session": spend.session_id,
            "key": self.short,
            "module": spend.module,
            "first_at": iso(spend.first_ts),
            "last_at": iso(spend.last_ts),
            "type": self.status.type,
            "limit_tokens": self.status.limit_tokens,
            "percent": self.status.percent,
            "agents": self.agents,
            "from_cache_percent": self.from_cache,
            **spend.figures.document(),
            "total_tokens": spend.figures.total_tokens,
            "cost_usd": usd(spend.cost_nano),
            "unattributed_usd": usd(spend.unattributed_nano),
            "cache_saved_usd": usd(self.status.cache.saved_nano),
            "models": [part.key for part in spend.models],
        }


class RecentSessions(NamedTuple):
    """The newest sessions that spent in a stretch, and how many there were in all."""

    lines: list[SessionLine]
    known: int

    @property
    def total(self) -> Figures:
        """The figures of those that are shown."""
        return Figures.sum(one.spend.figures for one in self.lines)

    @property
    def cost_nano(self) -> int:
        """What those that are shown cost, with what is in no message."""
        return sum(one.spend.cost_nano for one in self.lines)

    def document(self) -> dict[str, Any]:
        """The JSON document of `sessions`."""
        total = {
            **self.total.document(),
            "total_tokens": self.total.total_tokens,
            "cost_usd": usd(self.cost_nano),
        }
        return {"sessions": self.known, "total": total, "rows": [one.document() for one in self.lines]}


def sessions(ledger: Ledger, asked: Asked, most: int = USUAL) -> RecentSessions:
    """The newest `most` sessions that spent something in a stretch; each is shown whole.

    Raises InputError for a wrong time, NotFoundError for an unknown project, ConfigError, LedgerError.
    """
    where = {axis: asked.where[axis] for axis in OF_SESSIONS if axis in asked.where}
    if "module" in where:
        where["module"] = module_named(ledger, where["module"])
    since, until = ledger.instant(asked.since), ledger.instant(asked.until, end=True)
    if "session" in asked.where:
        found = [session_named(ledger, asked.where["session"])]
    else:
        found = ledger.sessions_between(since, until, where)
    return RecentSessions([one for one in map(_reader(ledger), found[:most]) if one], len(found))


def session(ledger: Ledger, words: str) -> SessionLine:
    """The session whose id is `words` or begins so. Raises InputError, NotFoundError (see `session_named`)."""
    name = session_named(ledger, words)
    found = _reader(ledger)(name)
    if found is None:
        raise NotFoundError("session", words, [one[:SHORT] for one in ledger.recent_sessions()])
    return found


def _reader(ledger: Ledger) -> Callable[[str], SessionLine | None]:
    from gaia_budget.settings import load

    mine = books.Books(load(), ledger, books.here(), ledger.now())

    def read(session_id: str) -> SessionLine | None:
        known = find(mine, session_id)
        return SessionLine(known, known.spend) if known and known.spend else None

    return read
