"""One line of the ecosystem's logs as the billed call it tells of, whichever of the seven shapes it has.

A build (`ts, agent, wave, module, …`) · B runtime (`ts, component, task, model, cost_usd, …, details`) ·
C the logging standard (B with duration_ms, status, correlation_id) · D a library's `llm_call` ·
E a cost event (`timestamp, project, …, operation`) · F a RAVEN result (`researched_by, researched_at`) ·
G runtime lines of a component by its former name. Our own lines are a superset of B and C.

Instants without an offset are UTC, as everywhere. Costs are exact: the decimal that was written, in
nano-dollars rounded half to even.
"""

from __future__ import annotations

import hashlib
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.model import UNALLOCATED, Event
from gaia_budget.routing.vocabulary import folded
from gaia_hooks.facts import names
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.facts.tokens import bounds
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gaia_budget.model import Billing, Kind

FORMER_NAMES = {"proteus": "jseeker"}
FAILED = frozenset({"error", "failed", "failure", "timeout", "timed_out", "rate_limited"})
LOGGED = "log"  # price source of a cost that an application wrote itself
BILLINGS = ("api", "plan", "unknown")
KINDS = ("response", "unattributed", "cache_hit", "failed")
OWN_COUNTS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "web_searches", "recached_tokens")  # fmt: skip
OWN_TEXTS = ("task", "provider", "model", "session_id", "agent_id", "agent_type", "branch", "status",
             "correlation_id", "part_of", "effort", "entrypoint", "skill", "plugin", "mcp_server",
             "mcp_tool")  # fmt: skip
IDS = ("session_id", "agent_id", "correlation_id")


class UnreadableLine(ValueError):
    """A line that cannot be taken in; the message says why, without anything of its content but key names."""


class Origin(NamedTuple):
    """Whose line it is: applied to every event of a file. `module` is what its place says, may be empty."""

    org: str
    user: str
    machine: str
    module: str = ""


class LoggedCall(NamedTuple):
    """A billed call; `corrects` names the event that it only adds to; `legacy` that no id of ours came with it."""

    event: Event
    corrects: str = ""
    legacy: bool = True


def line_id(line: bytes) -> str:
    """The id of a line that carries none: the same line in a backup is the same fact."""
    return "line-" + hashlib.sha256(line.strip()).hexdigest()[:40]


def module_name(name: str) -> str:
    """A component's name as modules are called: lower case, former names replaced."""
    folded = name.strip().lower()
    return FORMER_NAMES.get(folded, folded) or UNALLOCATED


def call_of(row: Any, line: bytes, origin: Origin) -> LoggedCall | None:
    """The call that a decoded line tells of; None where it tells of none (builds, work without a model).

    Raises UnreadableLine with the reason.
    """
    if not isinstance(row, dict):
        raise UnreadableLine("not a JSON object")
    for fits, shape in SHAPES:
        if fits(row):
            return shape(row, line, origin)
    raise UnreadableLine(f"none of the known event shapes (keys: {', '.join(sorted(map(str, row)))[:120]})")


def is_own(row: Any) -> bool:
    """Whether a decoded line, of a call or of a build, was written by us."""
    return isinstance(row, dict) and "event_id" in row and "schema_version" in row


def _build(row: Mapping[str, Any], line: bytes, origin: Origin) -> None:
    return None


def _own(row: Mapping[str, Any], line: bytes, origin: Origin) -> LoggedCall:
    cost = row.get("cost_nano_usd")
    if cost is not None and (type(cost) is not int or cost < 0):
        raise UnreadableLine("cost_nano_usd is not a whole number of nano-dollars")
    corrects = _text(row, "corrects")
    identity = _text(row, "event_id")
    if not identity:
        raise UnreadableLine("event_id is missing")
    counts: dict[str, Any] = {name: _count(row, name) for name in OWN_COUNTS}
    texts: dict[str, Any] = {name: _text(row, name) for name in OWN_TEXTS}
    event = Event(
        event_id=identity,
        ts=_instant(row, "ts"),
        kind=_choice(row, "kind", KINDS, "response"),
        source=_choice(row, "source", ("app", "claude_code"), "app"),
        billing=_choice(row, "billing", BILLINGS, "unknown"),
        org=origin.org,
        user=_text(row, "user") or origin.user,
        machine=_text(row, "machine") or origin.machine,
        module=module_name(_text(row, "module") or _text(row, "component")),
        cost_nano=cost,
        price_source=_text(row, "price_source") or "unpriced",
        duration_ms=_duration(row.get("duration_ms")) or None,  # we write 0 where it is not known
        **counts,
        **texts,
    )
    return LoggedCall(event, corrects, legacy=False)


def _runtime(row: Mapping[str, Any], line: bytes, origin: Origin) -> LoggedCall | None:
    return _legacy(
        row, line, origin, at="ts", module=_text(row, "component"), inputs="input_tokens",
        outputs="output_tokens", cost="cost_usd", task=_text(row, "task"),
        duration_ms=_duration(row.get("duration_ms")))  # fmt: skip


def _library(row: Mapping[str, Any], line: bytes, origin: Origin) -> LoggedCall | None:
    return _legacy(
        row, line, origin, at="timestamp", module=_text(row, "project") or origin.module, inputs="tokens_in",
        outputs="tokens_out", cost="cost", task=_text(row, "task"),
        duration_ms=_duration(row.get("latency"), 1000))  # fmt: skip


def _cost_event(row: Mapping[str, Any], line: bytes, origin: Origin) -> LoggedCall | None:
    return _legacy(
        row, line, origin, at="timestamp", module=_text(row, "project"), inputs="tokens_in",
        outputs="tokens_out", cost="cost_usd", task=_text(row, "operation"), duration_ms=None)  # fmt: skip


def _research(row: Mapping[str, Any], line: bytes, origin: Origin) -> LoggedCall | None:
    return _legacy(
        row, line, origin, at="researched_at", module=_text(row, "researched_by"), inputs="input_tokens",
        outputs="output_tokens", cost="cost_usd", task=_text(row, "task") or "research",
        duration_ms=None)  # fmt: skip


def _legacy(
    row: Mapping[str, Any], line: bytes, origin: Origin, *, at: str, module: str, inputs: str, outputs: str,
    cost: str, task: str, duration_ms: int | None,
) -> LoggedCall | None:  # fmt: skip
    amount = cost_nano(row.get(cost), cost)
    counts: dict[str, Any] = {"input_tokens": _count(row, inputs), "output_tokens": _count(row, outputs),
              "cache_read_tokens": _count(row, "cache_read_tokens"),
              "reasoning_tokens": _count(row, "reasoning_tokens")}  # fmt: skip
    cached = row.get("cached") is True
    if not amount and not any(counts.values()) and not cached:
        return None  # work without a language model, such as a browser's
    status = _text(row, "status").lower()
    kind: Kind = "cache_hit" if cached else "failed" if status in FAILED else "response"
    billing: Billing = "api"
    event = Event(
        event_id=line_id(line), ts=_instant(row, at), kind=kind, source="app", billing=billing, org=origin.org,
        user=origin.user, machine=origin.machine, module=module_name(module), provider=_text(row, "provider").lower(),
        model=_text(row, "model"), task=folded(task), session_id=_text(row, "session_id"), status=status,
        cost_nano=amount, price_source="unpriced" if amount is None else LOGGED, duration_ms=duration_ms,
        correlation_id=_text(row, "correlation_id"), **counts)  # fmt: skip
    return LoggedCall(event)


def cost_nano(value: Any, name: str) -> int | None:
    """Nano-dollars of a stated cost; None when it is null or absent. Raises UnreadableLine."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnreadableLine(f"{name} is not a number")
    amount = Decimal(value)
    if not amount.is_finite() or amount > 10**9:
        raise UnreadableLine(f"{name} is not an amount of money")
    if amount < 0:
        raise UnreadableLine(f"{name} is negative")
    return int((amount * NANO).to_integral_value(ROUND_HALF_EVEN))


def _instant(row: Mapping[str, Any], name: str) -> int:
    instant = clock.parse(_text(row, name).replace(" ", "T", 1))
    if instant is None:
        raise UnreadableLine(f"{name} is not an ISO 8601 instant")
    if not bounds.is_instant(instant):
        raise UnreadableLine(f"{name} is no instant between {bounds.FIRST_YEAR} and {bounds.LAST_YEAR}")
    return instant


def _count(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if value is None:
        return 0
    if not bounds.is_count(value):
        raise UnreadableLine(f"{name} is not a count")
    return int(value)


def _duration(value: Any, unit_ms: int = 1) -> int | None:
    """Milliseconds; a duration is no reason to lose a line. Compared before it becomes an integer of any length."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    return int(value * unit_ms) if 0 <= value <= bounds.LONGEST_MS else None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        return ""
    return names.told_apart(value) if name in IDS else names.shown(value, names.FACT_LIMIT)


def _choice(row: Mapping[str, Any], name: str, valid: tuple[str, ...], default: str) -> Any:
    value = row.get(name, default)
    if value not in valid:
        raise UnreadableLine(f"{name} is none of {', '.join(valid)}")
    return value


SHAPES: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[..., LoggedCall | None]], ...] = (
    (lambda row: "wave" in row and "agent" in row, _build),
    (is_own, _own),
    (lambda row: "component" in row and "ts" in row, _runtime),
    (lambda row: row.get("event") == "llm_call", _library),
    (lambda row: "project" in row and "operation" in row, _cost_event),
    (lambda row: "researched_by" in row, _research),
)
"""Tried in this order: the first that fits decides. Former names (G) have the shape of B."""
