"""What was asked: a request, and the task as it was understood."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.routing import table
from gaia_budget.routing.classify import classify
from gaia_budget.routing.vocabulary import MAX_NAME, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.routing.tiers import Routing, TaskKind


class UnderstoodTask(NamedTuple):
    """A task as it was understood: `task` by its name, or None where its description told the tier.

    `name` is what its outcomes are recorded under: the task's, or the text where that is short enough to be a name
    of the owner's own; empty for a description. `confidence` is how often such an answer is right (0 to 1); where the
    text leaves it open, `cheaper` is the tier that it may be as well, and `tier` the safe one. `parts` are the tiers
    of the single tasks where a text has several.
    """

    task: TaskKind | None
    name: str
    tier: str
    confidence: float
    cheaper: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The tier in words."""
        if self.task:
            return f"{self.task.name} is {self.tier} work"
        if self.cheaper:
            why = f"not sure: it may be {self.cheaper} work; taken as {self.tier} work to be safe"
        else:
            why = f"described as {self.tier} work (confidence {self.confidence:.2f})"
        return (
            f"{why}, the dearest of {len(self.parts)} tasks ({', '.join(self.parts)})" if self.parts else why
        )


class Request(NamedTuple):
    """What was asked, and in what light.

    `plan_has_room` is for plan users: True while their windows are under pace. `in_session`: a running Claude Code
    session asks for itself, so the answer is a Claude model. `cache_cold`: its prompt cache is known to have expired.
    `client` are the client's own settings in force (`CLAUDE_CODE_SUBAGENT_MODEL`, …).
    """

    task: str
    module: str | None = None
    provider: str | None = None
    session_type: str | None = None
    context_tokens: int | None = None
    current_model: str | None = None
    billing: str = "unknown"
    plan_has_room: bool | None = None
    in_session: bool = False
    cache_cold: bool = False
    client: Mapping[str, str] = {}


def understand(text: str, routing: Routing | None = None) -> UnderstoodTask:
    """A task by its name, else by its description: a name that the table lacks is read as one.

    Raises InputError when there is none.
    """
    routing = routing or table.load()
    if not text.strip():
        raise InputError(
            "no task given; name one (" + ", ".join(sorted(routing.tasks)) + ") or describe it",
            slug="no-task",
        )
    short = len(text.strip()) <= MAX_NAME
    named = routing.task(text) if short else None
    if named:
        return UnderstoodTask(named, named.name, named.tier, 1.0)
    name = folded(text) if short else ""
    told = classify(described(text))
    return UnderstoodTask(None, name, told.tier, told.confidence, told.cheaper, told.parts)


def described(text: str) -> str:
    """What is read of a task: of one word, such as `cover_letter` or `coverLetter`, the words that it is made of."""
    word = text.strip()
    if len(word) > MAX_NAME or re.search(r"[^\w-]", word):
        return text
    return folded(word).replace("_", " ")
