"""What a call is for: the task that the running context is in, with its caller and its own cap."""

from __future__ import annotations

import contextlib
import sys
import threading
import uuid
from contextvars import ContextVar
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from gaia_budget.errors import InputError
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType
    from typing import Self

Result = TypeVar("Result")

_running: ContextVar[Task | None] = ContextVar("gaia_budget_task", default=None)
_entered_in: WeakValueDictionary[int, Task] = WeakValueDictionary()
"""Tasks by the frame of the generator or coroutine that has entered them.

A server drives a generator (a streaming response) from another thread and context at each step, so what it has set
in a context is gone at the next. Its frame is still there: calls come from within it. A task holds its frame until
it is left, so that no later frame has the same id.
"""
SCANNED = 100  # frames that are looked through
SUSPENDING = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


class Task:
    """A piece of work whose calls belong together; use it once, as a context manager. Tasks nest.

    `cost_nano` is what its calls cost so far, in nano-dollars, those of tasks inside it included: exact however
    many threads or tasks run beside it, since every call adds to its own task alone.
    """

    def __init__(
        self,
        owner: object,
        name: str,
        *,
        caller: str = "",
        cap_nano: int | None = None,
        correlation_id: str = "",
        cache: bool | None = None,
    ) -> None:
        self.name, self.caller, self.cap_nano = name, caller, cap_nano
        self.correlation_id, self.cache = correlation_id, cache
        self.details = ""  # what the log says of its calls
        self.task_id = uuid.uuid4().hex
        self.cost_nano = self.calls = 0
        self._owner = owner
        self._around: Task | None = None
        self._frame: FrameType | None = None  # of the generator or coroutine that has entered it
        self._entered = self._over = False
        self._lock = threading.Lock()

    @property
    def cost_usd(self) -> str:
        """`cost_nano` as an exact decimal string in USD."""
        return usd(self.cost_nano)

    def chain(self) -> Iterator[Task]:
        """This task and those of the same guard around it, the innermost first."""
        task: Task | None = self
        while task is not None:
            if task._owner is self._owner:
                yield task
            task = task._around

    def add(self, cost_nano: int) -> None:
        """Book one call here and in the tasks around it."""
        for task in self.chain():
            with task._lock:
                task.cost_nano += cost_nano
                task.calls += 1

    def __enter__(self) -> Self:
        if self._entered:
            raise InputError(
                f"task {self.name!r} was entered before; make a new one with guard.task()",
                slug="task-entered",
            )
        self._entered = True
        self._around = running()
        _running.set(self)
        self._frame = _suspending(sys._getframe(1))
        if self._frame is not None:
            _entered_in[id(self._frame)] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Never raises: a generator may be ended in another thread and context than it began in."""
        self._over = True
        frame, self._frame, around = self._frame, None, _alive(self._around)
        if frame is not None and _entered_in.get(id(frame)) is self:
            del _entered_in[id(frame)]
            if around is not None and around._frame is frame:
                _entered_in[id(frame)] = around
        if _running.get() is self:
            _running.set(around)

    @property
    def _is_asleep(self) -> bool:
        """Whether the generator that has entered it stands at a `yield`: who goes on meanwhile is not in it."""
        return self._frame is not None and _yields(self._frame) and self._frame.f_back is None


def _alive(task: Task | None) -> Task | None:
    """The innermost of a task and those around it that was not left, in whichever thread or context."""
    while task is not None and task._over:
        task = task._around
    return task


def _yields(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & CO_GENERATOR)


def _suspending(frame: FrameType | None) -> FrameType | None:
    """The nearest frame that can be left and come back to.

    Not that of a `contextmanager`, which stands beside the frame whose work it is for.
    """
    for _ in range(SCANNED):
        if frame is None:
            return None
        caller = frame.f_back
        helps = caller is not None and caller.f_code.co_filename == contextlib.__file__
        if frame.f_code.co_flags & SUSPENDING and not helps:
            return frame
        frame = caller
    return None


def running() -> Task | None:
    """The innermost task that this call is in: by the nearest frame that entered one, else by its context."""
    here = _alive(_running.get())
    while here is not None and here._is_asleep:
        here = _alive(here._around)
    if not _entered_in:
        return here
    frame: FrameType | None = sys._getframe(1)
    for _ in range(SCANNED):
        if frame is None:
            break
        task = _alive(_entered_in.get(id(frame)))
        if task is not None:
            return task
        frame = frame.f_back
    return here


def carried(work: Callable[[], Result]) -> Callable[[], Result]:
    """Work for another thread, in the task that this call is in."""
    task = running()

    def carry() -> Result:
        _running.set(task)
        return work()

    return carry if task is not None else work


def current(owner: object) -> Task | None:
    """The innermost task of this guard that the running context is in."""
    task = running()
    while task is not None and (task._owner is not owner or task._over):
        task = task._around
    return task
