"""The HTTP client under an SDK's client, with every billable request passing the guard.

Below the SDKs' methods all forms of a call are one: plain, streamed, raw, with other options, retried. A guarded
HTTP client is a twin of the SDK's own: of a subclass of its class, and with its very state, so that SDK, pools
and time-outs notice nothing. httpx and its successor httpx2 are told apart by the objects alone.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware import beside
from gaia_budget.middleware.admission import admitted, admitted_beside, header_of, is_signed
from gaia_budget.middleware.transport.streams import (
    await_figures,
    await_figures_async,
    kept_stream,
    library_of,
    watch,
)

if TYPE_CHECKING:
    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.passage import Answer, Line, Passage

UNFIT = frozenset({400, 404, 415, 422})
OURS = (b"cache_control", b"stream_options", b"include_usage", b"xtra", b"nknown", b"nrecognized", b"unsupported",
        b"ot permitted", b"nexpected")  # fmt: skip
LONGEST_REFUSAL = 16_384
HIT_HEADER = "x-gaia-budget-cache"


def guarded(inner: Any, accounts: Accounts, line: Line) -> Any:
    """The twin of an HTTP client whose billable requests pass the guard."""
    kind: Any = type(inner)
    twin: Any = object.__new__(_twin_of(kind, hasattr(kind, "aclose")))
    twin.__dict__ = inner.__dict__
    twin.gaia_inner, twin.gaia_accounts, twin.gaia_line = inner, accounts, line
    return twin


def accounts_of(http_client: object) -> Accounts | None:
    """Whose guard an HTTP client's requests pass, or None."""
    return getattr(http_client, "gaia_accounts", None)


@cache
def _twin_of(kind: type, is_async: bool) -> type:
    names = {"__slots__": ("gaia_accounts", "gaia_inner", "gaia_line"), "__module__": __name__}
    return type(f"Guarded{kind.__name__}", (_AsyncSend if is_async else _Send, kind), names)


class _Send:
    """`send` of the synchronous twin."""

    def __del__(self) -> None:
        """The inner client, whose state this is, closes the pool."""

    def close(self) -> None:
        """Close the pool, once the figures are read of streams that were left just now."""
        await_figures(self)
        super().close()  # type: ignore[misc]

    def send(self: Any, request: Any, *, stream: bool = False, **options: Any) -> Any:
        call = admitted(self, request)
        if not call:
            return super().send(request, stream=stream, **options)  # type: ignore[misc]
        if call.replay is not None:
            replayed = _replayed(request, call.replay)
            return replayed if stream else _read(replayed)
        call.sent = True
        try:
            response = super().send(_outgoing(request, call), stream=True, **options)  # type: ignore[misc]
        except BaseException as error:
            _failed(call, error)
            raise
        if response.status_code in UNFIT and call.altered and _names_ours(_read(response)):
            call.as_asked()
            try:
                response = super().send(_outgoing(request, call), stream=True, **options)  # type: ignore[misc]
            except BaseException as error:
                _failed(call, error)
                raise
        if response.status_code >= 400:
            beside.within(lambda: call.refused(response.status_code))
            return response if stream else _read(response)
        watched = watch(response, call, self)
        return watched if stream else _read(watched)


class _AsyncSend:
    """`send` of the asynchronous twin; what blocks runs beside the event loop."""

    def __del__(self) -> None:
        """The inner client, whose state this is, closes the pool."""

    async def aclose(self) -> None:
        """Close the pool, once the figures are read of streams that were left just now."""
        await await_figures_async(self)
        await super().aclose()  # type: ignore[misc]

    async def send(self: Any, request: Any, *, stream: bool = False, **options: Any) -> Any:
        call = await admitted_beside(self, request)
        if not call:
            return await super().send(request, stream=stream, **options)  # type: ignore[misc]
        if call.replay is not None:
            replayed = _replayed(request, call.replay)
            return replayed if stream else await _aread(replayed)
        call.sent = True
        try:
            response = await super().send(_outgoing(request, call), stream=True, **options)  # type: ignore[misc]
        except BaseException as error:
            _failed(call, error)
            raise
        if response.status_code in UNFIT and call.altered and _names_ours(await _aread(response)):
            call.as_asked()
            try:
                response = await super().send(_outgoing(request, call), stream=True, **options)  # type: ignore[misc]
            except BaseException as error:
                _failed(call, error)
                raise
        if response.status_code >= 400:
            await beside.run(lambda: beside.within(lambda: call.refused(response.status_code)))
            return response if stream else await _aread(response)
        watched = watch(response, call, self)
        return watched if stream else await _aread(watched)


def _names_ours(response: Any) -> bool:
    """Whether a refusal speaks of what we added, or of something that it does not know."""
    return any(word in response.content[:LONGEST_REFUSAL] for word in OURS)


def _failed(call: Passage, error: BaseException) -> None:
    """At once, also from an event loop: who is cancelled must not wait."""
    beside.within(lambda: call.failed(error))


def _outgoing(request: Any, call: Passage) -> Any:
    """The request as it is sent: with the guard's own marks in the body, where there are any."""
    asked, readable = header_of(request, b"accept-encoding"), "identity" if call.streams else "gzip, deflate"
    if asked and asked != readable.encode() and not is_signed(request):
        request.headers["accept-encoding"] = readable  # the answer is read on its way through
    if call.body is None and call.path is None:
        return request
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
    url = request.url if call.path is None else request.url.copy_with(path=call.path)
    content = request.content if call.body is None else call.body
    return type(request)(request.method, url, headers=headers, content=content, extensions=request.extensions)


def _read(response: Any) -> Any:
    try:
        response.read()
    finally:
        response.close()
    return response


async def _aread(response: Any) -> Any:
    try:
        await response.aread()
    finally:
        await response.aclose()
    return response


def _replayed(request: Any, kept: Answer) -> Any:
    """A kept answer, as if the provider had sent it."""
    http = library_of(request)
    headers = {"content-type": kept.content_type, HIT_HEADER: "hit"}
    response = http.Response(200, headers=headers, stream=kept_stream(http, kept.body), request=request)
    response.elapsed = timedelta(0)
    return response
