"""Hook calls and other writers that die, as if killed, at their n-th system call that changes a file."""

from __future__ import annotations

import json
import os
import random
import sys
from typing import TYPE_CHECKING, Any

from gaia_hooks import main
from gaia_hooks.machine import files
from gaia_hooks.session import state_file

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGING = ("write", "replace", "link", "unlink", "mkdir", "fsync", "ftruncate")
KILL = 9


class Mortal:
    """The system's calls; the n-th one that changes a file ends the process, a write when part of it is done."""

    def __init__(self, at: int, chance: random.Random) -> None:
        self.system: Any = files._os
        self.left = at
        self.chance = chance

    def __getattr__(self, name: str) -> Any:
        return self.dying(name) if name in CHANGING else getattr(self.system, name)

    def dying(self, name: str) -> Any:
        """The call `name`, which may be the last one."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if name == "write":
                    handle, data = arguments
                    whole = len(data)
                    self.system.write(handle, data[: self.chance.choice([0, whole // 2, whole - 1, whole])])
                os.kill(os.getpid(), KILL)
            return getattr(self.system, name)(*arguments, **named)

        return call


def killed(work: Callable[[], object], at: int, seed: int = 0) -> bool:
    """Run `work` in a child that dies at its n-th change (from 1); whether it did."""
    child = os.fork()
    if child == 0:
        try:
            files._os = state_file._os = Mortal(at, random.Random(seed))  # type: ignore[attr-defined]
            work()
            os._exit(0)
        except BaseException:  # the child must never go on with the parent's tests
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -KILL), code
    return code == -KILL


def hook(payload: dict[str, Any]) -> Callable[[], object]:
    """A hook call on a payload, to be run in a child."""

    def work() -> None:
        reader, writer = os.pipe()
        os.write(writer, json.dumps(payload).encode())
        os.close(writer)
        os.dup2(reader, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        main.run()

    return work
