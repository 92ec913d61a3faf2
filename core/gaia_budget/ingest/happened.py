"""Outcomes that nobody typed: what an app's calls show about a model's work on a task, recorded beside what people say.

`retry`: the same task of the same piece of work went to a stronger model soon after. `redone`: the very same prompt
went to the same model again, as when somebody was not content and asked anew. Both count less than a person's word
(`[learning]` of routing.toml), and what `guard.escalate` judged itself is left out: it is recorded already.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places
from gaia_budget.errors import ConfigError
from gaia_budget.routing import table, wishes
from gaia_budget.routing.table import TIERS
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger

LOOK_BACK = 2 * 86_400 * 1_000_000
"""Microseconds of calls that are looked at each time: what was found before is found again, and changes nothing."""
OFTEN = 3_600 * 1_000_000
"""Microseconds after which a question looks again: days of calls cost more than most questions."""
ALREADY_JUDGED = "escalation"


def learn_now_and_then(ledger: Ledger, report: Report) -> None:
    """Learn where nobody on this machine has for an hour. Raises LedgerError."""
    mark = str(places.home() / "learned")
    try:
        last = int(files.read(mark))
    except (OSError, ValueError):
        last = 0
    if not 0 <= ledger.now() - last < OFTEN:
        learn(ledger, report)
        with contextlib.suppress(OSError):  # a folder that may only be read: the next question looks again
            files.replace(mark, str(ledger.now()).encode(), durable=False)


def learn(ledger: Ledger, report: Report) -> None:
    """Record what is new. A routing table that cannot be read is named in the report, and nothing is learnt by it.

    Raises LedgerError.
    """
    since = ledger.now() - LOOK_BACK
    calls = [TaskCall(*row) for row in ledger.calls_of_tasks(since)]
    if not calls:
        return
    try:
        routing = table.load()
    except ConfigError as error:
        report.skip(str(table.file()), 0, str(error))
        return

    def strength(model: str) -> int | None:
        known = wishes.standing_of(model, routing)
        return TIERS.index(known[1]) if known else None

    judged = {
        (one.task, one.model) for one in ledger.outcomes() if one.kind == ALREADY_JUDGED and one.ts >= since
    }
    found = [one for one in outcomes(calls, strength) if (one.task, one.model) not in judged]
    for one in found:
        ledger.record_outcome(
            one.task, one.model, False, module=one.module, kind=one.kind, ts=one.ts, outcome_id=one.outcome_id
        )


SOON = 30 * 60 * 1_000_000
"""Microseconds within which a second call is about the first one's answer."""
LEAST_PROMPT = 500
"""Tokens from which on two equal prompts are no accident."""
RETRY, REDONE = "retry", "redone"


class TaskCall(NamedTuple):
    """One billed call of an app's task. `work` is what it belongs to: its correlation id, else its session."""

    event_id: str
    ts: int
    module: str
    task: str
    model: str
    work: str
    prompt_tokens: int


class Happened(NamedTuple):
    """A model that did not suffice, as what came after shows. `outcome_id` is the same whenever it is found."""

    outcome_id: str
    ts: int
    module: str
    task: str
    model: str
    kind: str


def outcomes(calls: Iterable[TaskCall], strength: Callable[[str], int | None]) -> list[Happened]:
    """What the calls show; `strength` orders models, and knows nothing of some (None)."""
    last: dict[tuple[str, str, str], TaskCall] = {}
    found = []
    for call in sorted(calls, key=lambda one: (one.ts, one.event_id)):
        if not call.work:
            continue
        place = (call.module, call.task, call.work)
        before = last.get(place)
        last[place] = call
        if before is not None and call.ts - before.ts <= SOON:
            kind = _kind(before, call, strength)
            if kind:
                name = hashlib.sha256(f"{kind}:{before.event_id}".encode()).hexdigest()[:32]
                found.append(Happened(name, call.ts, call.module, call.task, before.model, kind))
    return found


def _kind(before: TaskCall, call: TaskCall, strength: Callable[[str], int | None]) -> str:
    if call.model == before.model:
        same = call.prompt_tokens == before.prompt_tokens >= LEAST_PROMPT
        return REDONE if same else ""
    weak, strong = strength(before.model), strength(call.model)
    return RETRY if weak is not None and strong is not None and weak < strong else ""
