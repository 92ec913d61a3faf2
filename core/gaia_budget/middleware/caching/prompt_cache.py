"""Prompt caching at Anthropic: asked for where it pays, told where it does not.

A system prompt with its tools that comes again within the cache's life is worth writing to the cache when the
model caches prompts of that length at all, and one later read pays for the dearer write. Sizes are not guessed:
the first answer's usage tells how many tokens a byte of this prompt is.
"""

from __future__ import annotations

import hashlib
import threading
import time
import tomllib
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.middleware.wire import mentions
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens.usage import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.middleware.call import Call
    from gaia_budget.middleware.wire import Ask
    from gaia_budget.model import Event
    from gaia_budget.prices.table import PriceTable

LIFE_SECONDS = 300  # of Anthropic's cache, from its last use
REMEMBERED = 1_000  # prompts
NOTES = 20  # of a task
EPHEMERAL = {"type": "ephemeral"}
MARKS = frozenset({"cache_control"})  # who marks a prompt himself knows better


class TaskCaching(NamedTuple):
    """How far the providers' caches served a task; `notes` say what stands in the way."""

    task: str
    prompt_tokens: int
    cache_read_tokens: int
    notes: tuple[str, ...]

    @property
    def hit_ratio(self) -> Fraction:
        """Share of the prompt tokens that were read from a cache."""
        return Fraction(self.cache_read_tokens, self.prompt_tokens) if self.prompt_tokens else Fraction(0)


class _Prefix:
    """One system prompt with its tools, for one model."""

    __slots__ = ("last", "refused", "tokens")

    def __init__(self) -> None:
        self.last = 0.0
        self.tokens: int | None = None  # known once an answer has told
        self.refused = False  # the provider did not cache it although asked to


class PromptCache:
    """The prompts of one guard."""

    def __init__(self, enabled: bool, notice: Callable[[str], None]) -> None:
        self._enabled, self._notice = enabled, notice
        self._prefixes: dict[str, _Prefix] = {}
        self._read: dict[str, list[int]] = {}
        self._notes: dict[str, dict[str, None]] = {}
        self._told: set[tuple[str, str]] = set()
        self._refused: set[tuple[Any, ...]] = set()
        self.renew_lock()

    def renew_lock(self) -> None:
        """Take a lock of its own, in a process that was forked too."""
        self._lock = threading.Lock()

    def key(self, ask: Ask) -> str:
        """What a prompt is recognised by; empty where there is nothing to do."""
        if not self._enabled or ask.operation != "messages":
            return ""
        if not (ask.body.get("system") or ask.body.get("tools")) or mentions(ask.body, MARKS):
            return ""
        if self._refused and _shape(ask) in self._refused:
            return ""
        return hashlib.sha256(ask.model.encode() + b"\0" + _prefix_bytes(ask)).hexdigest()

    def marked(self, ask: Ask, key: str, prices: PriceTable, task: str) -> Ask:
        """The request with its system prompt and tools marked for the cache, where that pays; else unchanged.

        `key` is what `key` says of it, which is something.
        """
        now = time.monotonic()
        with self._lock:
            if key not in self._prefixes and len(self._prefixes) >= REMEMBERED:
                self._prefixes.pop(next(iter(self._prefixes)))
            prefix = self._prefixes.setdefault(key, _Prefix())
            again = prefix.tokens is not None and now - prefix.last <= LIFE_SECONDS
            prefix.last = now
            tokens, refused = prefix.tokens, prefix.refused
        if not again or tokens is None or refused or not self._pays(ask, prices, tokens, task):
            return ask
        body = _mark(ask.body)
        return ask if body is None else ask._replace(body=body)

    def give_up(self, ask: Ask) -> None:
        """The provider refuses a request because of our mark: requests of its shape get none any more."""
        with self._lock:
            self._refused.add(_shape(ask))

    def learn(self, call: Call, event: Event) -> None:
        """Take in what an answer tells of prompt and cache."""
        used = call.attempt.seen.usage
        if event.kind != "response" or used is None:
            return
        whole = prompt_tokens(used)
        with self._lock:
            sums = self._read.setdefault(event.task, [0, 0])
            sums[0] += whole
            sums[1] += event.cache_read_tokens
            prefix = self._prefixes.get(call.prompt_key)
            if prefix is None:
                return
            if prefix.tokens is None:
                size = len(msgspec.json.encode(call.attempt.ask.body))
                prefix.tokens = whole * len(_prefix_bytes(call.attempt.ask)) // size
            elif call.marked and not event.cache_read_tokens and not event.cache_write_5m_tokens:
                prefix.refused = True
                notes = self._notes.setdefault(event.task, {})
                _keep(notes, f"{event.model} did not cache a prompt of about {prefix.tokens} tokens")

    def report(self) -> list[TaskCaching]:
        """Every task, by name."""
        with self._lock:
            return [
                TaskCaching(task, whole, read, tuple(self._notes.get(task, ())))
                for task, (whole, read) in sorted(self._read.items())
            ]

    def _pays(self, ask: Ask, prices: PriceTable, tokens: int, task: str) -> bool:
        name = prices.name(ask.model, ask.provider)
        least = minimum(name.model if name else ask.model)
        row = pricing.row_at(prices.rows(name), time.time()) if name else None
        turns = break_even(row)
        if least is None:
            why = f"{ask.model} is not known to cache prompts"
        elif tokens < least:
            why = f"{ask.model} caches prompts of {least} tokens and more only; this one has about {tokens}"
        elif turns is None:
            why = f"{ask.model} has no price at which caching pays"
        else:
            self._note(task, f"{ask.model}: about {tokens} tokens are cached; pays from {turns} repeats on")
            return True
        self._note(task, why)
        if (task, ask.model) not in self._told:
            self._told.add((task, ask.model))
            self._notice(f"the repeated prompt of task {task} is not cached: {why}")
        return False

    def _note(self, task: str, text: str) -> None:
        with self._lock:
            _keep(self._notes.setdefault(task, {}), text)


def _keep(notes: dict[str, None], text: str) -> None:
    """Keep a note once, and the latest ones alone."""
    notes.pop(text, None)
    notes[text] = None
    if len(notes) > NOTES:
        del notes[next(iter(notes))]


def break_even(row: list[Any] | None) -> int | None:
    """How many later reads pay for writing a prompt to the cache; None when none do, or prices are missing.

    With rates for input i, five-minute write w and read r: the write costs w - i more, each read i - r less.
    """
    if row is None:
        return None
    _, fresh, _, read, write = row[1][0][:5]
    if None in (fresh, read, write) or read >= fresh:
        return None
    turns: int = -(-(write - fresh) // (fresh - read))
    return max(1, turns)


@cache
def _minimums() -> list[tuple[str, int]]:
    text = resources.files("gaia_budget.middleware.caching").joinpath("prompt_cache.toml").read_text("utf-8")
    return sorted(tomllib.loads(text)["minimum_tokens"].items(), key=lambda entry: -len(entry[0]))


def minimum(model: str) -> int | None:
    """The shortest prompt that a model caches, in tokens; None for a model of which it is not known."""
    return next((tokens for start, tokens in _minimums() if model.startswith(start)), None)


def _shape(ask: Ask) -> tuple[Any, ...]:
    """What requests have in common that are refused for the same reason: model, and kinds of system and tools."""
    tools = ask.body.get("tools")
    kinds = (
        [str(one.get("type")) for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []
    )
    return ask.model, bool(ask.body.get("system")), tuple(sorted(set(kinds)))


def _prefix_bytes(ask: Ask) -> bytes:
    return msgspec.json.encode([ask.body.get("tools"), ask.body.get("system")])


def _mark(body: dict[str, Any]) -> dict[str, Any] | None:
    """Mark the end of the part that repeats, where the provider's rules allow a mark; None: nowhere.

    That is the system prompt, which comes after the tools, else the last tool. No mark stands on an empty block or
    on a tool whose loading is deferred (it is no part of the prompt), nor on one of the provider's own kinds.
    """
    system, tools = body.get("system"), body.get("tools")
    if isinstance(system, str) and system.strip():
        return {**body, "system": [{"type": "text", "text": system, "cache_control": EPHEMERAL}]}
    if isinstance(system, list) and (marked := _marked_last(system, _is_said)):
        return {**body, "system": marked}
    if isinstance(tools, list) and (marked := _marked_last(tools, _is_plain_tool)):
        return {**body, "tools": marked}
    return None


def _marked_last(entries: list[Any], fits: Callable[[Any], bool]) -> list[Any] | None:
    """The entries with the last one that may carry a mark marked."""
    place = next((n for n in reversed(range(len(entries))) if fits(entries[n])), None)
    if place is None:
        return None
    return [*entries[:place], {**entries[place], "cache_control": EPHEMERAL}, *entries[place + 1 :]]


def _is_said(block: Any) -> bool:
    return (
        isinstance(block, dict)
        and block.get("type") == "text"
        and isinstance(block.get("text"), str)
        and bool(block["text"].strip())
    )


def _is_plain_tool(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type") in (None, "custom") and not tool.get("defer_loading")
