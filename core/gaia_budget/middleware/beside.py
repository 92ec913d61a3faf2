"""Where work is done that takes locks or waits for a disk: here, or beside the thread that may not do it."""

from __future__ import annotations

import _thread
import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class _Inside(threading.local):
    busy = False


_inside = _Inside()


def within(work: Callable[[], Result]) -> Result:
    """Do work that takes locks of ours, in this thread."""
    if _inside.busy:
        return work()
    _inside.busy = True
    try:
        return work()
    finally:
        _inside.busy = False


def finish(work: Callable[[], None]) -> None:
    """Do work whose end nobody waits for; it may come out of the garbage collector.

    That collects a stream which the caller dropped at any moment, also while this very thread holds our locks:
    taking them a second time would never end, so the work is then done in a thread of its own.
    """
    if not _inside.busy:
        within(work)
        return
    with contextlib.suppress(RuntimeError):  # the interpreter is ending: the journal settles the call
        _thread.start_new_thread(work, ())


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
