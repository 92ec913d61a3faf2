"""Answers on their way to the caller, looked at byte by byte; and answers that were kept, sent again."""

from __future__ import annotations

import _thread
import contextlib
import logging
import sys
import threading
import time
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware import beside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    from gaia_budget.middleware.passage import Passage

log = logging.getLogger("gaia_budget")
EVENTS = "text/event-stream"
PLAIN, ZIPPED = ("", "identity"), ("gzip", "deflate")
MEDIA = ("audio/", "image/", "video/")
ANY_ZLIB = 47  # window bits with which zlib finds out itself whether it is gzip or deflate


def library_of(thing: object) -> ModuleType:
    """httpx or httpx2, whichever an object comes from."""
    kind: Any = type(thing)
    return _library_of(kind)


@cache
def _library_of(kind: type) -> ModuleType:
    for one in kind.__mro__:
        name = one.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return sys.modules[name]
    raise TypeError(f"{kind.__name__} is of no known HTTP library")


def watch(response: Any, call: Passage, client: object) -> Any:
    """Let everything that the caller reads of a response be seen by its call.

    The HTTP client is held until the answer is over: an app may drop both at once, and SDKs close a client that is
    dropped, with the connection from which the last figures are being read.
    """
    http = library_of(response)
    is_async = isinstance(response.stream, http.AsyncByteStream) and not isinstance(
        response.stream, http.SyncByteStream
    )
    call.take_headers(response.headers)
    kind = _kinds(http)[1 if is_async else 0]
    watched = kind(response.stream, call, response.headers, client)
    if hasattr(response, "_content"):  # made in memory, as by transports of tests: nobody will read it again
        watched.take_in(response.content)
        return response
    response.stream = watched
    return response


def kept_stream(http: ModuleType, body: bytes) -> Any:
    """A body that was kept, as a stream of either kind."""
    return _kinds(http)[2](body)


@cache
def _kinds(http: ModuleType) -> tuple[type, type, type]:
    both = (http.SyncByteStream, http.AsyncByteStream)
    return (
        type("WatchedStream", (_Watched, both[0]), {}),
        type("WatchedAsyncStream", (_WatchedAsync, both[1]), {}),
        type("KeptStream", (_Kept, *both), {}),
    )


class _Kept:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


_read_now: set[_Watch] = set()
"""Answers that are being read. An SDK's stream that an app drops is a ring of garbage, which is taken apart in any
order: held here, an answer outlives it, and hears of it by the GeneratorExit of its own iteration."""


class _Watch:
    """What passes through, decompressed for us alone where the server compressed it."""

    def __init__(self, inner: Any, call: Passage, headers: Any, client: object) -> None:
        self.inner, self.call = inner, call
        self._client: object = client
        self._type = headers.get("content-type", "")
        self._events = EVENTS in self._type
        encoding = headers.get("content-encoding", "").strip().lower()
        self._readable = encoding in (*PLAIN, *ZIPPED) and not self._type.startswith(MEDIA)
        self._unzip = zlib.decompressobj(ANY_ZLIB) if encoding in ZIPPED else None
        self._kept: list[bytes] = []
        self._draining = False
        self._over: threading.Event | None = None  # where somebody waits for the end
        if encoding not in PLAIN:
            call.hides_usage = False  # what is compressed passes as it is

    def chunk(self, data: bytes) -> bytes:
        """Take in one chunk; returns what the caller gets of it."""
        if not self._readable:
            return data
        try:
            plain = data if self._unzip is None else self._unzip.decompress(data)
        except zlib.error:  # the caller may make more of it than we do
            self._readable = False
            return data
        if self.call.takes_parts:
            self.call.take_chunk(plain)
            return data
        if not self._events:
            self._kept.append(plain)
            return data
        passed = self.call.take_chunk(plain)
        if self.call.cache_key:
            self._kept.append(passed)
        return passed if self._unzip is None else data

    def rest(self) -> bytes:
        """The source is exhausted."""
        if self._events or self.call.takes_parts:
            return self.call.take_rest()
        if self._readable:
            self.call.take_whole(b"".join(self._kept))
        return b""

    def take_in(self, body: bytes) -> None:
        """Take in an answer that is there as a whole."""
        self._unzip = None  # it is unpacked already
        self.chunk(body)
        self.rest()
        self.over(None)

    def is_left_with(self, client: object) -> bool:
        """Whether closing this client would cut off the figures that come next."""
        return self._client is client and (self._draining or self.call.awaits_figures)

    def over(self, error: BaseException | None) -> None:
        """Settle the call, and offer its answer to those who keep answers."""
        _read_now.discard(self)
        self._client = None
        if not self.call.is_settled:
            beside.finish(lambda: self.call.ended(error, self._type, self._kept))
        if self._over is not None:
            self._over.set()


def await_figures(client: object) -> None:
    """An HTTP client is about to be closed: wait for figures that are being read through it, not for long.

    An app may close its client in the middle of leaving a stream; the figures come next in what it would cut off.
    """
    leaving = [one for one in tuple(_read_now) if isinstance(one, _Watched) and one.is_left_with(client)]
    until = time.monotonic() + max((one.call.drain_seconds for one in leaving), default=0.0)
    for one in leaving:
        one.await_figures(until - time.monotonic())


async def await_figures_async(client: object) -> None:
    """The same from an event loop, where each stream reads on itself."""
    for one in tuple(_read_now):
        if isinstance(one, _WatchedAsync) and one.is_left_with(client):
            await one.leave()


class _Watched(_Watch):
    _source: Iterator[bytes] | None = None  # held: dropping it would end the connection

    def __iter__(self) -> Iterator[bytes]:
        self._source = source = iter(self.inner)
        _read_now.add(self)
        try:
            for data in source:
                if passed := self.chunk(data):
                    yield passed
            if rest := self.rest():
                yield rest
        except BaseException as error:
            self._left(error)
            raise
        self.over(None)

    def close(self) -> None:
        """The caller has had enough, or everything."""
        if self._left(GeneratorExit()):
            return  # whoever reads the rest closes it
        self.inner.close()

    def await_figures(self, seconds: float) -> None:
        """Read them on beside, and wait for them."""
        if self._left(GeneratorExit()) and self._over is not None:
            self._over.wait(max(0.0, seconds))

    def _left(self, error: BaseException) -> bool:
        """The caller reads no further; whether the rest is being read for its figures."""
        if self._client is None:  # it is over
            return self._draining
        if self._source is not None and isinstance(error, GeneratorExit) and self.call.awaits_figures:
            if not self._draining:
                self._draining, self._over = True, threading.Event()
                try:
                    _thread.start_new_thread(self._drain, ())
                except RuntimeError:  # the interpreter is ending
                    self.over(error)
                    return False
            return True
        if not self._draining:
            self.over(error)
        return self._draining

    def _drain(self) -> None:
        """Read on to the figures, which come after the reason to end; not for long."""
        until, left = time.monotonic() + self.call.drain_seconds, self.call.drain_bytes
        try:
            for data in self._source or ():
                self.chunk(data)
                left -= len(data)
                if not self.call.awaits_figures or left < 0 or time.monotonic() > until:
                    break
            self.rest()
        except Exception as error:  # noqa: BLE001 (a connection that breaks here has told all that it will tell)
            log.debug("an answer ended before its figures: %s", type(error).__name__)
        self.over(GeneratorExit())
        with contextlib.suppress(Exception):
            self.inner.close()

    def __del__(self) -> None:
        if self._client is not None and not sys.is_finalizing():  # else it is over, or the journal settles it
            self._left(GeneratorExit())


class _WatchedAsync(_Watch):
    _source: AsyncIterator[bytes] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._source = source = self.inner.__aiter__()
        _read_now.add(self)
        try:
            async for data in source:
                if passed := self.chunk(data):
                    yield passed
            if rest := self.rest():
                yield rest
        except GeneratorExit:
            await self.leave()
            raise
        except BaseException as error:
            self.over(error)  # at once: who is cancelled must not wait
            raise
        if not self.call.is_settled:
            await beside.run(lambda: self.over(None))

    async def aclose(self) -> None:
        """The caller has had enough, or everything."""
        try:
            await self.leave()
        finally:
            await self.inner.aclose()

    async def leave(self) -> None:
        """The caller reads no further: read on to the figures where they come next, not for long."""
        if self._source is not None and self.call.awaits_figures and not self._draining:
            self._draining = True
            try:
                await self._drain()
            finally:
                self._draining = False
        self.over(GeneratorExit())

    async def _drain(self) -> None:
        from anyio import move_on_after

        left = self.call.drain_bytes
        try:
            with move_on_after(self.call.drain_seconds):
                async for data in self._source or _nothing():
                    self.chunk(data)
                    left -= len(data)
                    if not self.call.awaits_figures or left < 0:
                        break
                else:
                    self.rest()
        except Exception as error:  # noqa: BLE001 (a connection that breaks here has told all that it will tell)
            log.debug("an answer ended before its figures: %s", type(error).__name__)

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.over(GeneratorExit())


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
