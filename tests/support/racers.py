"""Apps in processes of their own that make their calls at a word (`racing_app.py` beside the tests)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    import queue

    from gaia_budget import BudgetGuard
    from support.wire_server import WireServer

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "hi"}],
}
RACER = Path(__file__).parent / "racing_app.py"


def reserve_of_one(guard: BudgetGuard, server: WireServer) -> int:
    """What one `MESSAGE` reserves, in nano-dollars: what a connection that broke is booked at."""
    import anthropic

    server.script(Say(drop=True))
    with guard.task("measuring", caller="raven"), pytest.raises(anthropic.APIConnectionError):
        guard.wrap(apps.claude(server, max_retries=0)).messages.create(**MESSAGE)
    (event,) = apps.booked("raven")
    server.requests.clear()
    while server.arrived.acquire(blocking=False):
        pass
    assert event.cost_nano
    return int(event.cost_nano)


class Racer:
    """An app in one process or several that wait for its word; what they say goes into a queue."""

    def __init__(self, server: WireServer, threads: int, processes: int = 1) -> None:
        self.processes = processes
        command = [sys.executable, str(RACER), server.url, json.dumps(MESSAGE), str(threads), str(processes)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._into, self._out = self.process.stdin, self.process.stdout

    def say_when_ready(self) -> None:
        assert [self._out.readline() for _ in range(self.processes)] == ["ready\n"] * self.processes

    def go(self, words: queue.Queue[str]) -> None:
        self._reader = threading.Thread(target=self._listen, args=(words,), daemon=True)
        self._reader.start()
        self._into.write("go\n")
        self._into.flush()

    def _listen(self, words: queue.Queue[str]) -> None:
        for line in self._out:
            words.put(line.strip())

    def end(self) -> None:
        self._into.close()
        self.process.wait(60)
        self._reader.join(60)
        self._out.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.end()
