"""Events in other forms, in the order of time: CSV for spreadsheets, one JSON object a line for programs, OTLP spans.

One event is one client span by the GenAI conventions, that ends when it was recorded, sent by the official SDK (extra
`otlp`). Ids are made from the event's own, so that what is sent twice is the same span. Nothing that was said is in a
ledger, so nothing of it can be sent.
"""

from __future__ import annotations

import csv
import hashlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TextIO

from gaia_budget.errors import InputError
from gaia_budget.ledger.questions import conditions
from gaia_budget.ledger.rows import EVENT_FIELDS, INSERT
from gaia_budget.reports.shown import FORMULA
from gaia_hooks.facts import names
from gaia_hooks.facts.prices.money import NANO, usd
from gaia_hooks.machine.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.zone import When

HEADER = [
    "timestamp",
    *(name for name in EVENT_FIELDS if name not in ("ts", "cost_nano")),
    "cost_nano",
    "cost_usd",
]
PAGE, LONGEST = 10_000, 1_000  # events of a portion; signs of a name
Fields = dict[str, Any]


def events(
    ledger: Ledger, since: When = None, until: When = None, module: str | None = None, page: int = PAGE
) -> Iterator[list[Fields]]:
    """The events of [since, until) by the names of their columns, in portions. Raises InputError, LedgerError."""
    start, end = ledger.instant(since), ledger.instant(until, end=True)
    where, values = conditions(ledger.org, ("ts >= ?", start), ("ts < ?", end), ("module = ?", module))
    sql = f"SELECT {INSERT.columns} FROM events WHERE {where} ORDER BY ts, event_id"  # noqa: S608
    for rows in ledger.db.pages(sql, values, page):
        yield [dict(zip(EVENT_FIELDS, row, strict=True)) for row in rows]


def write_csv(portions: Iterator[list[Fields]], out: TextIO) -> int:
    """Write them as CSV; returns how many.

    A text that a spreadsheet would run as a formula gets an apostrophe in front. An unpriced event has empty costs.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    count = 0
    for rows in portions:
        writer.writerows(
            ["" if value is None else _safe(value) for value in _shown(row).values()] for row in rows
        )
        count += len(rows)
    return count


def write_json(portions: Iterator[list[Fields]], out: TextIO) -> int:
    """Write each as a line of JSON with the same keys; returns how many."""
    count = 0
    for rows in portions:
        out.writelines(f"{json.dumps(_shown(row))}\n" for row in rows)
        count += len(rows)
    return count


def _shown(row: Fields) -> Fields:
    cost = row["cost_nano"]
    money = {"cost_nano": cost, "cost_usd": None if cost is None else usd(cost)}
    return {"timestamp": iso(row["ts"]), **{name: _clean(row[name]) for name in HEADER[1:-2]}, **money}


def _clean(value: Any) -> Any:
    """Names come from logs and transcripts, and an export may go to a terminal."""
    return names.shown(value, LONGEST) if isinstance(value, str) else value


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


PORTION = 500
"""Spans of one request."""
PATH = "/v1/traces"
PROVIDERS = {"google": "gcp.gemini", "gemini": "gcp.gemini"}
"""Providers that the conventions call otherwise."""
CACHE = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def send(portions: Iterator[list[Fields]], endpoint: str | None) -> int:
    """Send every event to a collector; returns how many.

    `endpoint` is its address, such as http://localhost:4318; without one the SDK's own environment variables hold
    (OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, ...). Raises InputError without the SDK, or where a collector refuses.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
    except ImportError:
        raise InputError(
            'export otlp needs the extra: pip install "gaia-token-budget[otlp]"', slug="extra-missing"
        ) from None
    exporter = OTLPSpanExporter(None if endpoint is None else endpoint.rstrip("/").removesuffix(PATH) + PATH)
    count = 0
    try:
        for rows in portions:
            if exporter.export([span(row) for row in rows]) is not SpanExportResult.SUCCESS:
                raise InputError(
                    f"the collector did not take the spans ({count:,} were sent before). Name its address with "
                    "--endpoint; what is sent again is the same span",
                    slug="collector",
                )
            count += len(rows)
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]
    return count


def span(row: Fields) -> ReadableSpan:
    """An event as a span; tokens of the cache are part of `gen_ai.usage.input_tokens`, as the conventions want it."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    name = "gaia-token-budget"
    end = row["ts"] * 1000
    failed = row["kind"] == "failed"
    return ReadableSpan(
        f"chat {row['model']}".strip(),
        SpanContext(
            _number(row["session_id"] or row["event_id"], 16),
            _number(row["event_id"], 8),
            False,
            TraceFlags(1),
        ),
        resource=Resource({"service.name": row["module"], "host.name": row["machine"]}),
        attributes=_attributes(row, failed=failed),
        kind=SpanKind.CLIENT,
        instrumentation_scope=InstrumentationScope(name, version(name)),
        status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        start_time=end - (row["duration_ms"] or 0) * 1_000_000,
        end_time=end,
    )


def _attributes(row: Fields, *, failed: bool) -> dict[str, Any]:
    provider, cost = row["provider"], row["cost_nano"]
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(provider, provider),
        "gen_ai.request.model": row["model"],
        "gen_ai.conversation.id": row["session_id"],
        "gen_ai.agent.id": row["agent_id"],
        "gen_ai.agent.name": row["agent_type"],
        "error.type": (row["status"] or "_OTHER") if failed else "",
        "gen_ai.usage.input_tokens": row["input_tokens"] + sum(row[key] for key in CACHE),
        "gen_ai.usage.output_tokens": row["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": row["cache_read_tokens"],
        "gen_ai.usage.cache_creation.input_tokens": row["cache_write_5m_tokens"]
        + row["cache_write_1h_tokens"],
        "gen_ai.usage.reasoning.output_tokens": row["reasoning_tokens"],
        "gaia_budget.event_id": row["event_id"],
        "gaia_budget.kind": row["kind"],
        "gaia_budget.task": row["task"],
        "gaia_budget.source": row["source"],
        "gaia_budget.billing": row["billing"],
        "gaia_budget.price_source": row["price_source"],
        "gaia_budget.cost_nano_usd": cost,
        "gaia_budget.cost_usd": None if cost is None else cost / NANO,
    }
    return {key: value for key, value in found.items() if value not in ("", None)}


def _number(text: str, size: int) -> int:
    """A number of so many bytes that belongs to a text; never zero, which would be no id."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1
