"""Many processes that ask one ledger for money at the same moment."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

ALERTS = (
    "gaia_budget.alerts.evaluation",
    "gaia_budget.owner",
    "gaia_budget.routing.table",
    "support.alerting",
)
CONTEXT = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":  # one process imports everything once; the racers are its forks
    CONTEXT.set_forkserver_preload(
        [
            "gaia_budget.ledger.ledger",
            "gaia_budget.budgets.leased",
            "gaia_budget.settings",
            "psycopg",
            *ALERTS,
        ]
    )
PATIENCE_SECONDS = 240


class Race(NamedTuple):
    """How a race ended: calls admitted, calls refused, and what went wrong in other ways."""

    admitted: int
    refused: int
    broken: list[str]


class Runner:
    """One process. It says `ready`, waits for the start, and answers once per call."""

    def __init__(self, url: str, name: str, task: dict[str, Any]) -> None:
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_work, args=(theirs, url, name, task), daemon=True)
        self.process.start()
        theirs.close()

    def next_answer(self) -> str:
        """Its next word; `end` when it has ended."""
        assert self.pipe.poll(PATIENCE_SECONDS), "a process hangs"
        try:
            return str(self.pipe.recv())
        except EOFError:
            return "end"

    def go(self) -> None:
        """Let it start."""
        self.pipe.send("go")

    def kill(self) -> None:
        """End it as a crash would, while it holds what it holds."""
        self.process.kill()
        self.process.join()

    def finish(self) -> list[str]:
        """Its remaining answers."""
        answers = []
        while (answer := self.next_answer()) != "end":
            answers.append(answer)
        self.process.join()
        return answers


def race(
    url: str, processes: int, task: dict[str, Any], *, meanwhile: Callable[[list[Runner]], None] | None = None
) -> Race:
    """Start the processes, let them go at once, and count how it ended."""
    runners = [Runner(url, f"p{number}", task) for number in range(processes)]
    for runner in runners:
        assert runner.next_answer() == "ready"
    for runner in runners:
        runner.go()
    if meanwhile:
        meanwhile(runners)
    answers = [answer for runner in runners for answer in runner.finish()]
    known = ("admitted", "refused")
    return Race(answers.count("admitted"), answers.count("refused"), [a for a in answers if a not in known])


def _work(pipe: Connection, url: str, name: str, task: dict[str, Any]) -> None:
    """Reserve and settle `calls` times; `settle` false leaves the calls in flight."""
    try:
        _calls(pipe, url, name, task)
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
    pipe.close()


def _calls(pipe: Connection, url: str, name: str, task: dict[str, Any]) -> None:
    from gaia_budget.budgets import Budgets
    from gaia_budget.errors import BudgetExceededError
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings.keys import Settings

    chosen = Settings().but(timezone="UTC", machine=name)
    ledger = Ledger.open(url, settings=chosen)
    budgets = Budgets(ledger, gone_s=60)  # a test stops the server and starts it again
    scope = budgets.module_scope("jseeker", task["limit"])
    pipe.send("ready")
    pipe.recv()
    for number in range(task["calls"]):
        call_id = f"{task.get('round', '')}{name}-{number}"
        try:
            budgets.reserve([scope], task["estimate"], call_id=call_id, ttl_s=task.get("ttl_s", 900))
        except BudgetExceededError:
            pipe.send("refused")
            continue
        if task.get("settle", True):
            cost = task["estimate"]
            event = Event(event_id=call_id, ts=ledger.now(), source="app", module="jseeker", cost_nano=cost)
            budgets.settle(call_id, cost, event)
        pipe.send("admitted")
    ledger.close()
