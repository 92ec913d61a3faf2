"""What was asked: a request, and the task as it was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.routing import table
from gaia_budget.routing.classify import classify

if TYPE_CHECKING:
    from gaia_budget.routing.table import Routing, Task

MAX_NAME = 60


class Asked(NamedTuple):
    """A task as it was understood. `task` is None for free text; `words` are what told its tier."""

    text: str
    task: Task | None
    tier: str
    confidence: float
    words: tuple[str, ...]


class Request(NamedTuple):
    """What was asked. `plan_has_room` is for plan users: True while their windows are under pace."""

    task: str
    module: str | None = None
    provider: str | None = None
    session_type: str | None = None
    context_tokens: int | None = None
    current_model: str | None = None
    billing: str = "unknown"
    plan_has_room: bool | None = None


def understand(text: str, routing: Routing | None = None) -> Asked:
    """A task by its name, else by its description. Raises InputError when there is none."""
    routing = routing or table.load()
    if not text.strip():
        raise InputError("no task given; name one (" + ", ".join(sorted(routing.tasks)) + ") or describe it")
    named = routing.task(text) if len(text) <= MAX_NAME else None
    if named:
        return Asked(text, named, named.tier, 1.0, ())
    if "_" in text.strip() and " " not in text.strip():
        raise NotFoundError("task", text.strip(), table.nearest(text, sorted(routing.tasks)))
    told = classify(text)
    return Asked(text, None, told.tier, told.confidence, told.words)
