"""The web application: routes, errors as JSON or as a page, and what is new as server-sent events.

A page is sent in parts, as a thread makes them: what is above is seen while what is below is reckoned.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from importlib import resources
from typing import TYPE_CHECKING

import msgspec
from anyio import to_thread
from sse_starlette import EventSourceResponse
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from gaia_budget.alerts import telling
from gaia_budget.alerts.fired import Fired
from gaia_budget.dashboard import guard, metrics, views
from gaia_budget.dashboard.answers import QUESTIONS, Question, openapi, refuse_unknown
from gaia_budget.errors import GaiaBudgetError, InputError, LedgerError, NotFoundError
from gaia_budget.reports.shown import csv_text
from gaia_hooks.facts import names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from starlette.requests import Request

    from gaia_budget.dashboard.fresh import Fresh

log = logging.getLogger(__name__)
AT_ONCE = 4
"""Answers that are made at the same time: each holds a connection with pages of the ledger in memory."""
COMPRESSION = 6
"""Of 1 to 9: the last levels take three times as long for a hundredth less."""
FAREWELL_SECONDS = 1
"""How long a listener's answer may take to end with the server."""
STATIC = {"style.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
OTHERWISE = "in a terminal of your own, `gaia-budget alerts ack {}`"
LONGEST_VERSION = 18
"""Digits."""


def application(fresh: Fresh) -> Starlette:
    """The application for a ledger that is kept fresh; whoever serves it puts a `Guard` before it."""
    server = _Server(fresh)
    routes = [
        Route("/", server.page(views.overview)),
        Route("/sessions/{session}", server.page(views.session)),
        Route("/context", server.page(views.context)),
        *(Route(f"/api/v1/{one.name}", server.answer(one)) for one in QUESTIONS),
        Route("/api/v1/alerts/{id}/acknowledge", server.acknowledge, methods=["POST"]),
        Route("/api/v1/events", server.events),
        Route("/api/v1/openapi.json", server.openapi),
        Route("/openapi.json", server.openapi),
        Route("/metrics", server.metrics),
        *(Route(f"/static/{name}", _file(name, kind)) for name, kind in STATIC.items()),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=COMPRESSION)],
        exception_handlers={GaiaBudgetError: server.problem},  # type: ignore[dict-item]
        lifespan=server.lifespan,
    )


class _Server:
    def __init__(self, fresh: Fresh) -> None:
        self.ledger, self.settings, self.fresh = fresh.ledger, fresh.settings, fresh

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Watch for what is new while the server runs."""
        to_thread.current_default_thread_limiter().total_tokens = AT_ONCE
        await run_in_threadpool(self.fresh.start)
        yield
        await run_in_threadpool(self.fresh.stop)

    def answer(self, question: Question) -> Callable[[Request], Response]:
        """The route of a question."""

        def endpoint(request: Request) -> Response:
            given = dict(request.query_params)
            refuse_unknown(question, given)
            form = given.pop("format", "json")
            place = given.pop("zone", "")
            ledger = self.ledger.in_zone(place) if place else self.ledger
            if question.name == "session" and not given.get("session"):
                raise InputError("say which one: session=ID (its first letters are enough)", slug="not-valid")
            with ledger.db.unchanging():
                document = question.answer(ledger, self.settings, given)
            if form == "csv":
                name = f'attachment; filename="{question.name}.csv"'
                text = csv_text(document[question.rows])
                return Response(text, media_type="text/csv", headers={"content-disposition": name})
            if form != "json":
                raise InputError(f"format={form[:20]!r} is not known. Valid: json, csv", slug="not-valid")
            return Response(msgspec.json.encode(document), media_type="application/json")

        return endpoint

    def page(self, view: Callable[..., Iterator[str]]) -> Callable[[Request], Awaitable[Response]]:
        """The route of a page, which is sent as it is made."""

        async def endpoint(request: Request) -> Response:
            given = dict(request.query_params) | dict(request.path_params)

            def make() -> Iterator[str]:
                with self.ledger.db.unchanging():
                    yield from view(self.ledger, self.settings, given, self.fresh.version)

            parts = _Parts(make)
            try:
                first = await parts.next() or ""
            except GaiaBudgetError as error:
                text = views.problem(str(error))
                return Response(text, status_code=_status(error), media_type="text/html")
            return StreamingResponse(parts.all(first), media_type="text/html")

        return endpoint

    def acknowledge(self, request: Request) -> Response:
        """Take note of an alert; a form comes back to the page. Raises InputError for what is no human."""
        alert = request.path_params["id"]
        guard.require_a_human(request.scope, "taking note of an alert", OTHERWISE.format(names.said(alert)))
        found = Fired(self.ledger).acknowledge_alert(alert, self.settings.user)
        self._tell_hooks()
        self.fresh.touch()
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/#attention", status_code=303)
        return JSONResponse(telling.document(found))

    def _tell_hooks(self) -> None:
        from gaia_budget.ingest.months import tell_hooks

        try:
            tell_hooks(self.ledger, self.settings)
        except (GaiaBudgetError, OSError) as error:  # it is noted; hooks hear of it at the next ingest
            log.warning("hooks do not know of it yet: %s", error)

    async def events(self, request: Request) -> EventSourceResponse:
        """Tell each new version once, as soon as it is there; `seen` is the newest that the listener knows."""
        known = request.query_params.get("seen") or "0"
        if not known.isdecimal() or len(known) > LONGEST_VERSION:
            raise InputError(
                f"seen={known[:20]!r} is no version; leave it out to be told of the newest", slug="not-valid"
            )

        changed = asyncio.Event()  # set by what is new, and by the server's end

        async def changes() -> AsyncIterator[dict[str, str]]:
            seen = int(known)
            with self.fresh.waking(changed):
                while not AppStatus.should_exit:
                    changed.clear()
                    now = self.fresh.version
                    if now != seen:
                        seen = now
                        yield {"event": "change", "id": str(now), "data": json.dumps({"version": now})}
                    await changed.wait()

        return EventSourceResponse(
            changes(),
            ping=15,
            shutdown_event=changed,  # type: ignore[arg-type]  # all that is done with it is to set it
            shutdown_grace_period=FAREWELL_SECONDS,
        )

    def openapi(self, request: Request) -> Response:
        """The OpenAPI document."""
        return JSONResponse(openapi())

    def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        text = metrics.exposition(self.ledger, self.settings)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def problem(self, request: Request, error: GaiaBudgetError) -> Response:
        """An error as JSON: what is wrong and how to mend it."""
        return JSONResponse({"error": str(error), "slug": error.slug}, status_code=_status(error))


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """The route of a file of ours, read once: the page waits for it, and no thread is to be waited for besides."""
    held = (resources.files("gaia_budget.dashboard") / "static" / name).read_bytes()

    async def endpoint(request: Request) -> Response:
        return Response(held, media_type=kind)

    return endpoint


class _Parts:
    """The parts that an iterator gives in one thread, for the loop that sends them.

    One thread makes all of them: a view of the ledger is a thread's own.
    """

    def __init__(self, make: Callable[[], Iterator[str]]) -> None:
        self._made: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(part: str | Exception | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._made.put_nowait, part)

        def run() -> None:
            try:
                for part in make():
                    tell(part)
                tell(None)
            except Exception as error:  # noqa: BLE001 (raised again where it is waited for)
                tell(error)

        self._task = asyncio.create_task(run_in_threadpool(run))

    async def next(self) -> str | None:
        """The next part, None behind the last one. Raises what making it raised."""
        part = await self._made.get()
        if isinstance(part, Exception):
            raise part
        return part

    async def all(self, first: str) -> AsyncIterator[str]:
        """The first part and the others; where one cannot be made, what says so is the last."""
        yield first
        try:
            while part := await self.next():
                yield part
        except Exception as error:  # noqa: BLE001 (the beginning is sent: the page itself has to say so)
            yield _broken_off(error)


def _broken_off(error: Exception) -> str:
    if not isinstance(error, GaiaBudgetError):
        log.error("a page was broken off", exc_info=error)
    return views.broken_off(str(error) if isinstance(error, GaiaBudgetError) else type(error).__name__)


def _status(error: GaiaBudgetError) -> int:
    if isinstance(error, NotFoundError):
        return 404
    return 503 if isinstance(error, LedgerError) else 400
