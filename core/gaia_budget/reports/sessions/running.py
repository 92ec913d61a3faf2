"""Sessions that are at work: what each agent has spent and spends a minute, and the newest responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.reports.sessions.receipt import Receipt, receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.database.measures import Figures

MINUTE = 60_000_000
AT_WORK = 10 * MINUTE
"""A session that spent something this long ago is running."""
BURN = 5
"""Minutes that spend a minute is the mean of."""
MOST = 12


class Agent(NamedTuple):
    """An agent's part of a session; agents of one type are one. `last_ts` is 0 where its responses are too long ago."""

    name: str
    models: list[str]
    figures: Figures
    nano_a_minute: int
    last_ts: int


class Running(NamedTuple):
    """A session at work."""

    receipt: Receipt
    agents: list[Agent]

    @property
    def nano_a_minute(self) -> int:
        """What it spends a minute."""
        return sum(one.nano_a_minute for one in self.agents)


def running(ledger: Ledger) -> list[Running]:
    """The sessions at work, the newest first, `MOST` at most. Raises LedgerError."""
    now = ledger.now()
    names = ledger.sessions_between(now - AT_WORK)[:MOST]
    return [Running(found, _agents(found, now)) for found in (receipt(ledger, name) for name in names)]


def a_minute(sessions: Sequence[Running]) -> int:
    """What they spend a minute together."""
    return sum(one.nano_a_minute for one in sessions)


def _agents(found: Receipt, now: int) -> list[Agent]:
    merged: dict[str, Figures] = {}
    for part in found.line.spend.agents:
        merged[part.name] = merged[part.name].plus(part.figures) if part.name in merged else part.figures
    agents = []
    for name, figures in merged.items():
        mine = [one for one in found.responses if one.agent == name]
        lately = sum(one.cost_nano or 0 for one in mine if one.ts > now - BURN * MINUTE)
        models = list(dict.fromkeys(one.model for one in mine if one.model))
        agents.append(Agent(name, models, figures, lately // BURN, max((one.ts for one in mine), default=0)))
    agents.sort(key=lambda one: (one.name != "main", -one.figures.cost_nano))
    return agents
