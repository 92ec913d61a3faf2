"""Blocking work from an event loop: beside it, in a thread, and taken back when the caller is cancelled."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


async def run(work: Callable[[], Result], undo: Callable[[Result], None] | None = None) -> Result:
    """Do blocking work in a thread. A caller that is cancelled meanwhile never sees the result: it is undone."""
    from anyio import to_thread

    lock = threading.Lock()
    abandoned = False
    results: list[Result] = []

    def task() -> Result:
        made = work()
        with lock:
            results.append(made)
            late = abandoned
        if late and undo is not None:
            undo(made)
        return made

    try:
        return await to_thread.run_sync(task)
    except BaseException:
        with lock:
            abandoned = True
            made = list(results)
        if undo is not None:
            for one in made:
                undo(one)
        raise
