"""`export otlp` against a collector on loopback: every event is one span of the same figures, sent twice the same."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import GaiaBudgetError, InputError, NotFoundError
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import spent_month
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.model import Event


class Collector:
    """What a collector was sent; with `status` it refuses."""

    def __init__(self, status: int = 200) -> None:
        self.spans: list[tuple[str, dict[str, Any], Any]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if status == 200 and self.path == "/v1/traces":
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def take(self, sent: ExportTraceServiceRequest) -> None:
        for resource in sent.resource_spans:
            service = values(resource.resource)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [(service, values(span), span) for span in scope.spans]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def values(of: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()


@pytest.fixture
def month(home: Any, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    monkeypatch.setattr(Ledger, "now", lambda _: spent_month.NOW)
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    found = spent_month.events(20)
    with Ledger.open(settings=load()) as ledger:
        ledger.record(found)
    return found


def run(*words: str) -> str:
    ended = CliRunner().invoke(app, ["export", "otlp", *words])
    if isinstance(ended.exception, GaiaBudgetError):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_every_event_is_one_span_of_the_same_figures(collector: Collector, month: list[Event]) -> None:
    assert f"{len(month):,} spans were sent" in run("--endpoint", collector.url)

    sent = {span["gaia_budget.event_id"]: (service, span, raw) for service, span, raw in collector.spans}
    assert len(collector.spans) == len(sent) == len(month)
    for one in month:
        service, span, raw = sent[one.event_id]
        assert (service, span["gen_ai.request.model"], span["gaia_budget.cost_nano_usd"]) == (
            one.module, one.model, one.cost_nano)  # fmt: skip
        cached = one.cache_read_tokens + one.cache_write_5m_tokens + one.cache_write_1h_tokens
        assert span["gen_ai.usage.input_tokens"] == one.input_tokens + cached
        assert span["gen_ai.usage.cache_read.input_tokens"] == one.cache_read_tokens
        assert span["gen_ai.usage.output_tokens"] == one.output_tokens
        assert span.get("gen_ai.conversation.id", "") == one.session_id
        assert raw.end_time_unix_nano == one.ts * 1000
    traces = {
        (span["gen_ai.conversation.id"], raw.trace_id)
        for _, span, raw in collector.spans
        if "gen_ai.conversation.id" in span
    }
    assert len(traces) == len({one.session_id for one in month} - {""})


def test_what_is_sent_twice_is_the_same_span(collector: Collector, month: list[Event]) -> None:
    for _ in range(2):
        run("--endpoint", f"{collector.url}/v1/traces", "--since", "2026-11-20", "--module", "via")

    times = Counter((raw.trace_id, raw.span_id) for _, _, raw in collector.spans)
    assert set(times.values()) == {2}
    assert {service for service, _, _ in collector.spans} == {"via"}


@pytest.mark.usefixtures("home")
def test_a_failed_call_is_an_error_and_an_unpriced_one_has_no_cost(collector: Collector) -> None:
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("a", kind="failed", status="timeout", cost_nano=0), event("b", cost_nano=None)])

    run("--endpoint", collector.url)

    by_id = {span["gaia_budget.event_id"]: (span, raw) for _, span, raw in collector.spans}
    failed, raw = by_id["a"]
    assert (failed["error.type"], raw.status.code) == ("timeout", 2)
    assert "gaia_budget.cost_nano_usd" not in by_id["b"][0]


@pytest.mark.usefixtures("month")
def test_a_collector_that_refuses_is_an_error_that_says_how_far_it_went() -> None:
    refusing = Collector(400)
    try:
        with pytest.raises(InputError, match=r"did not take the spans \(0 were sent before\)"):
            run("--endpoint", refusing.url)
    finally:
        refusing.close()
    with pytest.raises(NotFoundError, match=r"unknown project 'jseker'.*jseeker"):
        run("--module", "jseker")
