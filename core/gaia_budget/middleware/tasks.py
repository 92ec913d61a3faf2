"""What a call is for: the task that the running context is in, with its caller and its own cap."""

from __future__ import annotations

import threading
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_hooks.facts.money import usd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token
    from types import TracebackType
    from typing import Self

_running: ContextVar[Task | None] = ContextVar("gaia_budget_task", default=None)


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
        self._token: Token[Task | None] | None = None
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
        if self._token is not None:
            raise InputError(f"task {self.name!r} was entered before; make a new one with guard.task()")
        self._around = _running.get()
        self._token = _running.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._token is not None
        _running.reset(self._token)


def current(owner: object) -> Task | None:
    """The innermost task of this guard that the running context is in."""
    task = _running.get()
    while task is not None and task._owner is not owner:
        task = task._around
    return task
