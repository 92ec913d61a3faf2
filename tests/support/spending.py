"""Processes that reserve and settle as fast as they can, for a time or until the budget is used up."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from support.racing import CONTEXT, PATIENCE_SECONDS

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


Kind = Literal["bare", "recorded", "leased"]
"""A reserve and a settle; with the event recorded and summed as well; or on a lease, with the event."""


class Spender(NamedTuple):
    """What one process does."""

    url: str
    org: str
    module: str
    limit_nano: int
    cost_nano: int
    seconds: float
    kind: Kind


def spend_from_processes(processes: int, spender: Spender) -> int:
    """How many tasks were made, by all of them, per `seconds`."""
    pipes = []
    for _ in range(processes):
        ours, theirs = CONTEXT.Pipe()
        CONTEXT.Process(target=_work, args=(theirs, spender), daemon=True).start()
        theirs.close()
        pipes.append(ours)
    for pipe in pipes:
        assert pipe.poll(PATIENCE_SECONDS)
        assert pipe.recv() == "ready"
    for pipe in pipes:
        pipe.send("go")
    return sum(pipe.recv() for pipe in pipes)


def _work(pipe: Connection, spender: Spender) -> None:
    from gaia_budget.budgets import Budgets
    from gaia_budget.budgets.leased import LeasedBudget
    from gaia_budget.errors import BudgetExceededError
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings.keys import Settings

    chosen = Settings().but(timezone="UTC", org=spender.org)
    ledger = Ledger.open(spender.url, settings=chosen)
    scope = Budgets(ledger).module_scope(spender.module, spender.limit_nano)
    budget = LeasedBudget(Budgets(ledger), 1000 * spender.cost_nano)
    pipe.send("ready")
    pipe.recv()
    done, deadline = 0, time.monotonic() + spender.seconds
    try:
        while time.monotonic() < deadline:
            call_id = f"{spender.module}-{os.getpid()}-{done}"
            event = None if spender.kind == "bare" else Event(
                event_id=call_id, ts=ledger.now(), org=spender.org, source="app", billing="api",
                module=spender.module, model="m", cost_nano=spender.cost_nano,
            )  # fmt: skip
            if spender.kind == "leased":
                budget.settle(budget.reserve(scope, spender.cost_nano), spender.cost_nano, event)
            else:
                Budgets(ledger).reserve([scope], spender.cost_nano, call_id=call_id)
                Budgets(ledger).settle(call_id, spender.cost_nano, event)
            done += 1
    except BudgetExceededError:
        pass
    budget.close()
    pipe.send(done)
    ledger.close()
