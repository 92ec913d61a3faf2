"""What can be a sighting of a fact, and what two of them make together.

What two sightings make together does not depend on the order or the number of sightings (it is a join in the sense
of lattices), so hook lines, transcripts and backups may come in any order and more than once, and `rebuild` ends
with the same figures. Prices that two tables gave are the one exception: the fuller sighting's stands, of two alike
the later one's, and a line that states what was reckoned before it was read gives way (`priced_before`).
"""

from __future__ import annotations

import itertools
from operator import is_
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import astuple

from gaia_budget.ledger.rows import EVENT_FIELDS
from gaia_budget.model import UNALLOCATED
from gaia_hooks.facts import names
from gaia_hooks.facts.tokens import bounds, usage

if TYPE_CHECKING:
    from gaia_budget.model import Event

MOST_TOKENS, MOST_NANO = 10**12, 10**16
"""The most that one fact can be: what is unattributed is that of a whole session."""
NAMES = frozenset(
    (
        "provider",
        "model",
        "agent_type",
        "branch",
        "status",
        "effort",
        "entrypoint",
        "skill",
        "plugin",
        "mcp_server",
        "mcp_tool",
    )
)
"""What a transcript, a log or an answer calls things."""


def is_fact(event: Event) -> bool:
    """Whether its instant and figures can be those of something that was spent, so that sums can hold them."""
    return (
        bounds.is_instant(event.ts)
        and max(
            event.input_tokens,
            event.output_tokens,
            event.cache_read_tokens,
            event.cache_write_5m_tokens,
            event.cache_write_1h_tokens,
            event.reasoning_tokens,
            event.web_searches,
            event.recached_tokens,
        )
        <= MOST_TOKENS
        and (event.cost_nano or 0) <= MOST_NANO
        and (event.duration_ms or 0) <= bounds.LONGEST_MS
    )


def fit(event: Event) -> Event:
    """The event with names that cannot speak for themselves, and every text in a form that all databases hold.

    Ids were cleaned where they were read, so that two of them stay two; what a project is called by its owner stays.
    """
    values = astuple(event)
    together = "".join(itertools.compress(values, map(is_, map(type, values), itertools.repeat(str))))
    if together.isprintable() and len(together) <= names.FACT_LIMIT:
        return event
    texts = {
        name: names.shown(value, names.FACT_LIMIT) if name in NAMES else _fit(value)
        for name, value in zip(EVENT_FIELDS, values, strict=True)
        if type(value) is str
    }
    return msgspec.structs.replace(event, **texts)


def _fit(text: str) -> str:
    """Without NUL and halves of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


KNOWN_BETTER = (
    "user",
    "machine",
    "module",
    "provider",
    "model",
    "task",
    "session_id",
    "agent_id",
    "agent_type",
    "branch",
    "status",
    "correlation_id",
    "billing",
    "source",
    "kind",
    "part_of",
    "effort",
    "entrypoint",
    "skill",
    "plugin",
    "mcp_server",
    "mcp_tool",
)
VAGUE = {"": 0, UNALLOCATED: 1, "unknown": 1}
"""Values that any other one is better than."""


def joined(a: Event, b: Event, *, priced_before: bool = False) -> Event:
    """One event from a known sighting and a later one: the larger figures, the better known names, the earlier instant.

    `priced_before`: the price of `b` was reckoned at some time before it was read, maybe before that of `a`.
    What is unattributed is not a sum that grows but the newest reckoning: the later sighting
    stands as a whole, but for how it is paid for: that becomes known and is never forgotten.
    """
    if a.kind == "unattributed" and b.kind == "unattributed":
        return msgspec.structs.replace(max(a, b, key=_newest), billing=max(a.billing, b.billing, key=_known))
    fields: dict[str, object] = {name: max(getattr(a, name), getattr(b, name)) for name in usage.FIELDS}
    for name in KNOWN_BETTER:
        one, other = getattr(a, name), getattr(b, name)
        if one != other:
            fields[name] = max(one, other, key=_known)
    fields["recached_tokens"] = min(
        (one.recached_tokens for one in (a, b) if _has_prompt(one)), default=0
    )  # an older program called more of the same prompt sent again
    priced = _priced(a, b, priced_before)
    longest = [value for value in (a.duration_ms, b.duration_ms) if value is not None]
    return msgspec.structs.replace(
        a,
        ts=min(a.ts, b.ts),
        cost_nano=priced.cost_nano,
        price_source=priced.price_source,
        duration_ms=max(longest, default=None),
        **fields,
    )


def _has_prompt(event: Event) -> bool:
    written = event.cache_write_5m_tokens + event.cache_write_1h_tokens
    return event.input_tokens + event.cache_read_tokens + written > 0


def _known(value: str) -> tuple[int, str]:
    return VAGUE.get(value, 2), value


def _priced(known: Event, later: Event, priced_before: bool) -> Event:
    """Whose price stands: that of the fuller one; of Claude Code's responses alike in tokens, the one reckoned later.

    What a provider or an app's own reserve names grows without tokens: there the larger stands.
    """
    if known.cost_nano is None or later.cost_nano is None:
        return max(known, later, key=_price)
    less = any(getattr(later, name) < getattr(known, name) for name in usage.FIELDS)
    more = any(getattr(later, name) > getattr(known, name) for name in usage.FIELDS)
    if less != more:
        return later if more else known
    if less or later.source != "claude_code":
        return max(known, later, key=_price)
    return known if priced_before else later


def repriced_by(old: Event, new: Event) -> int:
    """By how much an event costs another price that has the tokens it had; 0 for any other."""
    if old.cost_nano is None or new.cost_nano is None or old.kind != "response":
        return 0
    return (
        new.cost_nano - old.cost_nano
        if all(getattr(old, name) == getattr(new, name) for name in usage.FIELDS)
        else 0
    )


def _price(event: Event) -> tuple[int, str]:
    return (-1 if event.cost_nano is None else event.cost_nano), event.price_source


def _newest(event: Event) -> tuple[int, int, str, tuple[str, ...]]:
    unpaid = msgspec.structs.replace(event, billing="unknown")
    return (event.ts, *_price(event), tuple(map(repr, msgspec.structs.astuple(unpaid))))
