"""Outcomes that nobody typed: what an app's calls show about a model's work on a task. Pure.

`retry`: the same task of the same piece of work went to a stronger model soon after. `redone`: the very same prompt
went to the same model again, as when somebody was not content and asked anew. Both count less than a person's word
(`[learning]` of routing.toml), and what `guard.escalate` judged itself is left out: it is recorded already.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SOON = 30 * 60 * 1_000_000
"""Microseconds within which a second call is about the first one's answer."""
LEAST_PROMPT = 500
"""Tokens from which on two equal prompts are no accident."""
RETRY, REDONE = "retry", "redone"


class Call(NamedTuple):
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


def outcomes(calls: Iterable[Call], strength: Callable[[str], int | None]) -> list[Happened]:
    """What the calls show; `strength` orders models, and knows nothing of some (None)."""
    last: dict[tuple[str, str, str], Call] = {}
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


def _kind(before: Call, call: Call, strength: Callable[[str], int | None]) -> str:
    if call.model == before.model:
        same = call.prompt_tokens == before.prompt_tokens >= LEAST_PROMPT
        return REDONE if same else ""
    weak, strong = strength(before.model), strength(call.model)
    return RETRY if weak is not None and strong is not None and weak < strong else ""
