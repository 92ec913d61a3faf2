"""Events for tests: plain ones by keyword, and arbitrary ones for hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from gaia_budget.model import Event


def ts(text: str) -> int:
    """A UTC instant such as `2026-11-23T14:30` in microseconds since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def event(event_id: str, at: str = "2026-11-23T12:00", **facts: Any) -> Event:
    """An event of an app, billed by API, unless the facts say otherwise."""
    chosen: dict[str, Any] = {"source": "app", "billing": "api", "module": "jseeker", "price_source": "list"}
    return Event(event_id=event_id, ts=ts(at), **chosen | facts)


def events(ids: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Event]:
    """Any event the ledger takes, in a few modules and months so that they meet."""
    figures = st.integers(0, 5_000)
    start, end = ts("2026-09-28T00:00"), ts("2027-01-04T00:00")
    return st.builds(
        Event,
        event_id=st.sampled_from([f"m{number}" for number in range(12)]) if ids is None else ids,
        ts=st.integers(start, end),
        kind=st.sampled_from(["response", "response", "response", "failed", "cache_hit"]),
        source=st.sampled_from(["app", "claude_code"]),
        billing=st.sampled_from(["api", "plan", "unknown"]),
        module=st.sampled_from(["jseeker", "via", "unallocated"]),
        model=st.sampled_from(["", "claude-haiku-4-5", "gpt-4o-mini"]),
        task=st.sampled_from(["", "jd_parse"]),
        session_id=st.sampled_from(["", "s1", "s2"]),
        agent_id=st.sampled_from(["", "a1"]),
        agent_type=st.sampled_from(["", "Explore"]),
        branch=st.sampled_from(["", "main"]),
        input_tokens=figures.map(lambda count: count + 5_000),
        output_tokens=figures,
        cache_read_tokens=figures,
        cache_write_5m_tokens=figures,
        cache_write_1h_tokens=figures,
        recached_tokens=figures,
        cost_nano=st.none() | st.integers(0, 10**9),
        price_source=st.sampled_from(["list", "client"]),
        duration_ms=st.none() | st.integers(0, 1000),
        part_of=st.sampled_from(["", "", "m0"]),
        effort=st.sampled_from(["", "high"]),
    )
