"""Plans of random calls of all SDKs, batches among them, each with what it truly costs, reckoned apart from our code.

In this world a word is a token, so the bill of a stream that broke off is known: its prompt, and the words that had
been sent.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.wire_server import Say

if TYPE_CHECKING:
    from collections.abc import Callable

PRICES = {
    "claude-haiku-4-5": (1000, 5000, 100, 1250),
    "claude-sonnet-4-6": (3000, 15_000, 300, 3750),
    "gpt-4o-mini": (150, 600, 75, 0),
    "gpt-4o": (2500, 10_000, 1250, 0),
    "gemini-2.5-flash": (300, 2500, 30, 0),
}
"""Nano-dollars of a token: fresh, written by the model, read from the cache, written to it."""
LIMIT = 120  # output tokens that each call allows
AT_ONCE = {"retry-after-ms": "1"}
CLAUDE, MINI = ("claude-haiku-4-5", "claude-sonnet-4-6"), ("gpt-4o-mini", "gpt-4o")
FORMS: dict[str, tuple[str, ...]] = {
    "claude": CLAUDE,
    "claude_stream": CLAUDE,
    "claude_async": CLAUDE[:1],
    "claude_async_stream": CLAUDE[:1],
    "claude_batch": CLAUDE[:1],
    "chat": MINI,
    "chat_stream": MINI,
    "chat_async": MINI[:1],
    "chat_async_stream": MINI[:1],
    "responses": MINI[1:],
    "responses_stream": MINI[1:],
    "openai_batch": MINI[:1],
    "gemini": ("gemini-2.5-flash",),
    "gemini_stream": ("gemini-2.5-flash",),
    "gemini_async": ("gemini-2.5-flash",),
    "gemini_batch": ("gemini-2.5-flash",),
}
WAYS = ("plain", "generator", "hopping", "abandoned")
"""How the app drives a call: as it is; within a generator; within one whose every step is in another thread; within
one that it drops before the end."""
FATES = ("fine", "fine", "fine", "retried", "refused", "cut", "left", "unsaid") * 6 + ("dropped",)
LONG = "You are careful. " * 400
SHAPES: tuple[dict[str, Any], ...] = (
    {"system": LONG},
    {"system": [{"type": "text", "text": LONG}, {"type": "text", "text": ""}]},
    {"tools": [{"name": name, "description": LONG, "input_schema": {"type": "object"}, **more}
               for name, more in (("a", {}), ("b", {"defer_loading": True}))]},
    {"system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}] * 4},
)  # fmt: skip
"""What some calls of Claude have besides: where marks of a cache may stand, and where not."""


@dataclass
class Plan:
    """One call: how it is made, what the server does, and what it truly costs. `exact`: a usage was sent.

    `lost`: attempts of which no answer came, held at their upper bound.
    """

    number: int
    form: str
    model: str
    words: int
    says: list[Say]
    full: int
    exact: bool = True
    leaves_after: int = 0
    lost: int = 0
    cut: Say | None = None
    way: str = "plain"
    shape: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its task, and the name of its plan."""
        return f"call_{self.number}"

    @property
    def prompt(self) -> str:
        """So many words."""
        return "word " * self.words

    @property
    def truth(self) -> int:
        """What it costs, in nano-dollars; of a stream that was cut, once it was."""
        return self.full + (self.cut.sent * PRICES[self.model][1] if self.cut else 0)

    @property
    def most(self) -> int:
        """The most that one attempt of it may cost by what its bytes and its limit bound."""
        fresh, written = PRICES[self.model][:2]
        return (len(self.prompt) + len(json.dumps(self.shape)) + 4_000) * 2 * fresh + LIMIT * written


def planned(number: int, dice: random.Random) -> Plan:
    """The next call."""
    form = dice.choice(list(FORMS))
    model = dice.choice(FORMS[form])
    words, output = dice.randint(1, 300), dice.randint(1, LIMIT)
    if form in BATCHES:
        answers = dice.randint(1, 4)
        return BATCHES[form](number, form, model, words, output, answers)
    read, written = dice.choice((0, 0, dice.randint(1, 500))), 0
    if "claude" in form:
        written = dice.choice((0, 0, dice.randint(1, 500)))
    rates = PRICES[model]
    full = words * rates[0] + output * rates[1] + read * rates[2] + written * rates[3]
    said = Say(text=" ".join(["word"] * output), input=words, output=output, read=read, write=written)
    said.pieces = dice.randint(1, 5)
    plan = Plan(number, form, model, words, [said], full, way=dice.choice(WAYS))
    if form in ("claude", "claude_async") and dice.random() < 0.1:
        plan.shape = dice.choice(SHAPES)
    return _fated(plan, said, dice)


def _fated(plan: Plan, said: Say, dice: random.Random) -> Plan:
    """What happens to the call."""
    fate, rates = dice.choice(FATES), PRICES[plan.model]
    if fate in ("retried", "dropped") and "gemini" not in plan.form:
        lost = fate == "dropped"
        failed = Say(drop=True) if lost else Say(status=dice.choice((429, 500, 529)), headers=AT_ONCE)
        times = 1 if lost else dice.randint(1, 2)
        plan.says, plan.lost, plan.exact = [failed] * times + [said], times * lost, not lost
    elif fate == "refused":
        plan.says, plan.full = [Say(status=400)], 0
    elif fate == "unsaid" and "claude" not in plan.form:
        said.usage, said.read, plan.exact = False, 0, False
        plan.full = plan.words * rates[0] + said.output * rates[1]
    elif fate in ("cut", "left") and plan.form.endswith("_stream"):
        said.read = said.write = 0
        plan.full, plan.exact = plan.words * rates[0], False
        if fate == "cut":
            said.cut_at, plan.cut = dice.random(), said
        else:
            said.pieces, plan.leaves_after = 0, dice.randint(1, max(1, said.output - 3))
            plan.full += plan.leaves_after * rates[1]
    return plan


def _claude_batch(number: int, form: str, model: str, words: int, output: int, answers: int) -> Plan:
    """A batch that is handed in, looked at and read: at half the price, all of it."""
    name = f"msgbatch_{number}"
    document = {
        "id": name, "type": "message_batch", "processing_status": "ended", "created_at": "2026-11-01T00:00:00Z",
        "expires_at": "2026-11-02T00:00:00Z", "results_url": f"/v1/messages/batches/{name}/results",
        "request_counts": {"processing": 0, "succeeded": answers, "errored": 0, "canceled": 0, "expired": 0},
    }  # fmt: skip
    message = {
        "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn", "stop_sequence": None,
        "content": [{"type": "text", "text": "word"}],
        "usage": {"input_tokens": words, "output_tokens": output, "service_tier": "batch"},
    }  # fmt: skip
    lines = [
        {"custom_id": str(one), "result": {"type": "succeeded", "message": {**message, "id": f"msg_{name}_{one}"}}}
        for one in range(answers)
    ]  # fmt: skip
    says = [Say(document=document), Say(document=document), _lines(lines)]
    return _half(Plan(number, form, model, words, says, answers), output)


def _openai_batch(number: int, form: str, model: str, words: int, output: int, answers: int) -> Plan:
    """The same of OpenAI's: its total when it is looked at, its lines in a file, or both."""
    made = {"id": f"batch_{number}", "object": "batch", "endpoint": "/v1/chat/completions", "model": model,
            "input_file_id": "f", "completion_window": "24h", "created_at": 1, "status": "in_progress"}  # fmt: skip
    over = {**made, "status": "completed", "output_file_id": f"file-{number}",
            "request_counts": {"completed": answers, "failed": 0, "total": answers}}  # fmt: skip
    if number % 2:
        over["usage"] = {
            "input_tokens": answers * words,
            "output_tokens": answers * output,
            "total_tokens": 0,
        }
    body = {
        "id": "c",
        "model": model,
        "choices": [],
        "usage": {"prompt_tokens": words, "completion_tokens": output},
    }
    lines = [{"id": f"r{one}", "response": {"status_code": 200, "body": body}} for one in range(answers)]
    says = [Say(document=made), Say(document=over), _lines(lines)]
    return _half(Plan(number, form, model, words, says, answers), output)


def _gemini_batch(number: int, form: str, model: str, words: int, output: int, answers: int) -> Plan:
    """The same of Gemini's: each answer is told when the batch is looked at."""
    usage = {"promptTokenCount": words, "candidatesTokenCount": output}
    answer = {"response": {"modelVersion": model, "usageMetadata": usage, "candidates": []}}
    made = {"name": f"batches/b{number}", "metadata": {"state": "BATCH_STATE_RUNNING"}}
    done = {**made, "metadata": {
        "state": "BATCH_STATE_SUCCEEDED", "output": {"inlinedResponses": {"inlinedResponses": [answer] * answers}},
    }}  # fmt: skip
    says = [Say(document=made), Say(document=done), Say(document=done)]
    return _half(Plan(number, form, model, words, says, answers), output)


def _lines(lines: list[dict[str, Any]]) -> Say:
    return Say(raw="".join(json.dumps(one) + "\n" for one in lines))


def _half(plan: Plan, output: int) -> Plan:
    """So many answers (`full`, so far) at the half price of a batch."""
    fresh, written = PRICES[plan.model][:2]
    each = plan.words * fresh + output * written
    plan.full = plan.full * each // 2 if each % 2 == 0 else plan.full * (each // 2)
    return plan


BATCHES: dict[str, Callable[[int, str, str, int, int, int], Plan]] = {
    "claude_batch": _claude_batch, "openai_batch": _openai_batch, "gemini_batch": _gemini_batch,
}  # fmt: skip


def plans_of(seed: str, start: int, count: int) -> list[Plan]:
    """The same plans for the same seed."""
    dice = random.Random(seed)
    return [planned(number, dice) for number in range(start, start + count)]
