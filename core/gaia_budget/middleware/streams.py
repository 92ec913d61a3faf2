"""Answers on their way to the caller, looked at byte by byte; and answers that were kept, sent again."""

from __future__ import annotations

import sys
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware import beside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    from gaia_budget.middleware.passage import Passage

EVENTS = "text/event-stream"
PLAIN, ZIPPED = ("", "identity"), ("gzip", "deflate")
MEDIA = ("audio/", "image/", "video/")
ANY_ZLIB = 47  # window bits with which zlib finds out itself whether it is gzip or deflate


def library_of(thing: object) -> ModuleType:
    """httpx or httpx2, whichever an object comes from."""
    for kind in type(thing).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return sys.modules[name]
    raise TypeError(f"{type(thing).__name__} is of no known HTTP library")


def watch(response: Any, call: Passage) -> Any:
    """Let everything that the caller reads of a response be seen by its call."""
    http = library_of(response)
    is_async = isinstance(response.stream, http.AsyncByteStream) and not isinstance(
        response.stream, http.SyncByteStream
    )
    kind = _kinds(http)[1 if is_async else 0]
    response.stream = kind(response.stream, call, response.headers)
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


class _Watch:
    """What passes through, decompressed for us alone where the server compressed it."""

    def __init__(self, inner: Any, call: Passage, headers: Any) -> None:
        self.inner, self.call = inner, call
        self._type = headers.get("content-type", "")
        self._events = EVENTS in self._type
        encoding = headers.get("content-encoding", "").strip().lower()
        self._readable = encoding in (*PLAIN, *ZIPPED) and not self._type.startswith(MEDIA)
        self._unzip = zlib.decompressobj(ANY_ZLIB) if encoding in ZIPPED else None
        self._kept: list[bytes] = []
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

    def over(self, error: BaseException | None) -> None:
        """Settle the call, and offer its answer to those who keep answers."""
        if not self.call.is_settled:
            beside.finish(lambda: self.call.ended(error, self._type, self._kept))


class _Watched(_Watch):
    def __iter__(self) -> Iterator[bytes]:
        try:
            for data in self.inner:
                if passed := self.chunk(data):
                    yield passed
            if rest := self.rest():
                yield rest
        except BaseException as error:
            self.over(error)
            raise
        self.over(None)

    def close(self) -> None:
        """The caller has had enough, or everything."""
        try:
            self.inner.close()
        finally:
            self.over(GeneratorExit())

    def __del__(self) -> None:
        if not sys.is_finalizing():  # at the end of the process the journal settles it
            self.over(GeneratorExit())


class _WatchedAsync(_Watch):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for data in self.inner:
                if passed := self.chunk(data):
                    yield passed
            if rest := self.rest():
                yield rest
        except BaseException as error:
            self.over(error)  # at once: who is cancelled must not wait
            raise
        if not self.call.is_settled:
            await beside.run(lambda: self.over(None))

    async def aclose(self) -> None:
        """The caller has had enough, or everything."""
        try:
            await self.inner.aclose()
        finally:
            self.over(GeneratorExit())

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.over(GeneratorExit())
