"""What two sightings of one fact make together.

The result does not depend on the order or the number of sightings (it is a join in the sense of lattices), so
hook lines, transcripts and backups may come in any order and more than once, and `rebuild` ends with the same
figures.
"""

from __future__ import annotations

import msgspec

from gaia_budget.model import UNALLOCATED, Event

LARGEST = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
    "recached_tokens",
)
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
)
VAGUE = {"": 0, UNALLOCATED: 1, "unknown": 1}
"""Values that any other one is better than."""


def joined(a: Event, b: Event) -> Event:
    """One event from two sightings with one id: the larger figures, the better known names, the earlier instant.

    What is unattributed is not a sum that grows but the newest reckoning: the later sighting
    stands as a whole, but for how it is paid for: that becomes known and is never forgotten.
    """
    if a.kind == "unattributed" and b.kind == "unattributed":
        return msgspec.structs.replace(max(a, b, key=_newest), billing=max(a.billing, b.billing, key=_known))
    fields: dict[str, object] = {name: max(getattr(a, name), getattr(b, name)) for name in LARGEST}
    for name in KNOWN_BETTER:
        fields[name] = max(getattr(a, name), getattr(b, name), key=_known)
    dearer = max(a, b, key=_price)
    longest = [value for value in (a.duration_ms, b.duration_ms) if value is not None]
    return msgspec.structs.replace(
        a,
        ts=min(a.ts, b.ts),
        cost_nano=dearer.cost_nano,
        price_source=dearer.price_source,
        duration_ms=max(longest, default=None),
        **fields,
    )


def _known(value: str) -> tuple[int, str]:
    return VAGUE.get(value, 2), value


def _price(event: Event) -> tuple[int, str]:
    return (-1 if event.cost_nano is None else event.cost_nano), event.price_source


def _newest(event: Event) -> tuple[int, int, str, tuple[str, ...]]:
    unpaid = msgspec.structs.replace(event, billing="unknown")
    return (event.ts, *_price(event), tuple(map(repr, msgspec.structs.astuple(unpaid))))
