"""The MCP server as a real process on pipes, spoken to in raw JSON lines: what a client's bytes get back."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

PATIENCE = 60.0
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


class Stdio:
    """The server in a process of its own; `env` adds variables to this test's environment."""

    def __init__(self, command: Sequence[str] = (), **env: str) -> None:
        self.process = subprocess.Popen(
            command or [sys.executable, "-P", "-m", "gaia_mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **env},
        )
        self.lines: list[bytes] = []
        self.errors: list[bytes] = []
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._count = 0
        threads = (self._read, self._drain)
        self._threads = [threading.Thread(target=work, daemon=True) for work in threads]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            message = json.loads(line)
            if "method" not in message:
                self._answers.put(message)
        self._answers.put(None)

    def _drain(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        """Send a request and return the answer that bears its id; answers to other ids are dropped."""
        self._count += 1
        number = f"t{self._count}"
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        self.send(json.dumps(message).encode() + b"\n")
        while True:
            answer = self._answers.get(timeout=PATIENCE)
            assert answer is not None, f"the server ended: {b''.join(self.errors)[-2000:]!r}"
            if answer.get("id") == number:
                return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its result."""
        answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
        result: dict[str, Any] = answer["result"]
        return result

    def started(self) -> Self:
        """Greet, so that it serves."""
        self.ask("initialize", HELLO)
        self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        return self

    def wait(self) -> int:
        """Wait for the process to end; returns its exit code."""
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # what was not sent before the server ended
                    stream.close()


def children_of(pid: int) -> list[int]:
    """Children belong to the thread that started them."""
    lists = [file.read_text("ascii") for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(one) for listed in lists for one in listed.split()]


def gone(pid: int) -> bool:
    """Whether a process that is not ours has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # polls a foreign process, which announces nothing
