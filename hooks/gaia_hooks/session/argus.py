"""ARGUS event lines: one whole line of ASCII JSON per fact, the keys of the ecosystem's formats first.

A runtime line is a superset of the two runtime shapes (`ts … details` and `… duration_ms, status,
correlation_id`); a build line has shape A. Nothing private is in them: no prompt, no tool text, no file name.
"""

from gaia_hooks.facts import names
from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import clock, files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gaia_hooks.facts.tokens import responses

SCHEMA_VERSION = 1
DEVELOPMENT = "_dev"
"""Follows a module's name where Claude Code's lines are to have a component of their own."""
SUCCESS, ERROR = "success", "error"
TASK = "claude_code"
PROVIDER = "anthropic"
ROWLESS = frozenset(("compact", "hook_prompt", "hook_agent", "generate_session_title"))
"""What makes requests that no transcript has a row of, as Claude Code's telemetry calls it: their lines' agent."""


def runtime_path(logs: str, module: str) -> str:
    """Where a module's billed calls are written."""
    return files.join(logs, names.file_name(module.lower()) + "_runtime.jsonl")


def build_path(logs: str, module: str) -> str:
    """Where a module's tool calls are written."""
    return files.join(logs, names.file_name(module.lower()) + "_build.jsonl")


def event_id(key: str, whole: "tuple[int, ...] | None" = None) -> str:
    """The id of a response's line; of a line with only what it has grown by to `whole`, one of its own."""
    return key if whole is None else "%s~%d" % (key, sum(whole))


def call_line(
    counts: "dict[str, int]",
    *,
    ts: int,
    module: str,
    task: str,
    model: str,
    provider: str,
    event_id: str,
    cost_nano: "int | None",
    price_source: str,
    source: str,
    billing: str,
    session_id: str = "",
    correlation_id: str = "",
    status: str = SUCCESS,
    duration_ms: "int | None" = None,
    details: str = "",
    more: "dict[str, object] | None" = None,
    dumps: "Callable[[object], bytes]" = jsonio.dumps,
) -> bytes:
    """The line of one call, whoever made it; `cost_nano` None is written as null: unpriced.

    `counts` are the figures of `usage.FIELDS` and `recached_tokens`; `more` are keys that follow them. `dumps` writes
    ASCII.
    """
    line: "dict[str, Any]" = {
        "ts": clock.iso(ts),
        "component": module,
        "task": task,
        "model": model,
        "cost_usd": None if cost_nano is None else cost_nano / 1_000_000_000,
        "input_tokens": counts["input_tokens"],
        "output_tokens": counts["output_tokens"],
        "details": details,
        "duration_ms": duration_ms or 0,
        "status": status,
        "correlation_id": correlation_id,
        "schema_version": SCHEMA_VERSION,
        "event_id": event_id,
        "provider": provider,
        "cache_read_tokens": counts["cache_read_tokens"],
        "cache_write_5m_tokens": counts["cache_write_5m_tokens"],
        "cache_write_1h_tokens": counts["cache_write_1h_tokens"],
        "reasoning_tokens": counts["reasoning_tokens"],
        "web_searches": counts["web_searches"],
        "recached_tokens": counts["recached_tokens"],
        "session_id": session_id,
        **(more or {}),
        "price_source": price_source if cost_nano is not None else "unpriced",
        "cost_nano_usd": cost_nano,
        "source": source,
        "billing": billing,
    }
    return dumps(line) + b"\n"


def runtime_line(
    response: "responses.Response",
    *,
    module: str,
    agent_type: str,
    cost_nano: "int | None",
    price_source: str,
    billing: str,
    ts: int,
    whole: "tuple[int, ...] | None" = None,
    apart: bool = False,
) -> bytes:
    """The line of one settled API response of Claude Code; `cost_nano` None is written as null: unpriced.

    `whole` is the usage so far of a response of which `response` is only the growth since its line was written.
    `apart`: it names a component of its own, and the module beside it.
    """
    counts = dict(zip(usage.FIELDS, response.usage))
    counts["recached_tokens"] = response.recached
    more: "dict[str, object]" = {
        "agent_id": response.agent_id,
        "agent_type": agent_type,
        "branch": response.branch,
        "variant": response.variant,
        **response.traits,
    }
    if apart:
        more["module"] = module
    if response.part_of:
        more["part_of"] = response.part_of
    if response.odd:
        more["odd_usage"] = list(response.odd)
    if whole is not None:
        more["corrects"] = response.key
    return call_line(
        counts,
        ts=ts,
        module=module + DEVELOPMENT if apart else module,
        task=TASK,
        model=response.model,
        provider=PROVIDER,
        event_id=event_id(response.key, whole),
        cost_nano=cost_nano,
        price_source=price_source,
        source="claude_code",
        billing=billing,
        session_id=response.session_id,
        correlation_id=response.session_id,
        more=more,
    )


def build_line(
    *,
    module: str,
    session_id: str,
    agent: str,
    details: str,
    event_id: str,
    status: str,
    duration_ms: "int | None",
    ts: int,
    source: str = "claude_code",
) -> bytes:
    """The line of one finished or failed tool call (`details`: its name), or of an alert (shape A, wave 0)."""
    line = {
        "ts": clock.iso(ts),
        "agent": agent,
        "wave": 0,
        "module": module,
        "status": status,
        "duration_ms": duration_ms or 0,
        "details": details,
        "schema_version": SCHEMA_VERSION,
        "event_id": event_id,
        "correlation_id": session_id,
        "source": source,
    }
    return jsonio.dumps(line) + b"\n"
