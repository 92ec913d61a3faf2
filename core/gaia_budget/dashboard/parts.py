"""A page is sent in parts, as a thread makes them: what is above is seen while what is below is reckoned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    Made = str | Exception | None


class Parts:
    """The parts that an iterator gives in one thread, for the loop that sends them.

    One thread makes all of them: a view of the ledger is a thread's own.
    """

    def __init__(self, make: Callable[[], Iterator[str]]) -> None:
        self._made: asyncio.Queue[Made] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(part: Made) -> None:
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

    async def first(self) -> str:
        """The first part. Raises what making it raised."""
        return await self._next() or ""

    async def rest(self, otherwise: Callable[[Exception], str]) -> AsyncIterator[str]:
        """The others; where one cannot be made, what `otherwise` says of it is the last."""
        try:
            while part := await self._next():
                yield part
        except Exception as error:  # noqa: BLE001 (the beginning is sent: the page itself has to say so)
            yield otherwise(error)

    async def _next(self) -> str | None:
        part = await self._made.get()
        if isinstance(part, Exception):
            raise part
        return part
