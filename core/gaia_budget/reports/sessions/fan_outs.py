"""Fan-outs: what the agents of the newest sessions cost, by the kind of agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.database.measures import Figures
from gaia_budget.reports.sessions.recent import sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.asked import Asked
    from gaia_budget.reports.sessions.recent import SessionLine

MAIN = "main"
MOST_SESSIONS = 20
"""Sessions that are looked at where nobody says how many."""


class AgentKind(NamedTuple):
    """A kind of agent: in how many sessions it worked, how many of it were started, and what they used."""

    name: str
    sessions: int
    started: int
    figures: Figures

    def document(self) -> dict[str, Any]:
        """One of `rows`."""
        return {
            "agent": self.name,
            "sessions": self.sessions,
            "started": self.started,
            **self.figures.document(),
        }


class FanOuts(NamedTuple):
    """The kinds of agents, the dearest first; the main thread is one of them, so that all of it adds up to `total`."""

    lines: list[AgentKind]
    total: Figures
    looked_at: int

    def document(self) -> dict[str, Any]:
        """The JSON document of `agents`."""
        return {
            "sessions": self.looked_at,
            "total": self.total.document(),
            "rows": [one.document() for one in self.lines],
        }


def agents(ledger: Ledger, asked: Asked, most: int = MOST_SESSIONS) -> FanOuts:
    """The agents of the newest `most` sessions of a stretch. Raises as `sessions` does."""
    return of(sessions(ledger, asked, most).lines)


def of(lines: Sequence[SessionLine]) -> FanOuts:
    """The agents of these sessions."""
    parts: dict[str, list[Figures]] = {}
    where: dict[str, set[str]] = {}
    for one in lines:
        for part in one.spend.agents:
            parts.setdefault(part.name, []).append(part.figures)
            where.setdefault(part.name, set()).add(one.spend.session_id)
    found = [
        AgentKind(name, len(where[name]), 0 if name == MAIN else len(figures), Figures.sum(figures))
        for name, figures in parts.items()
    ]
    found.sort(key=lambda one: (-one.figures.cost_nano, one.name))
    return FanOuts(found, Figures.sum([one.figures for one in found]), len(lines))
