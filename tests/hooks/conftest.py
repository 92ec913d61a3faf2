"""A watched session on disk, and hook calls in process and as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_hooks import main
from gaia_hooks.facts import snapshot
from gaia_hooks.say import figures
from gaia_hooks.session import counting as session
from support.rows import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(session.__file__).parent.parent.parent
BILLION = 10**9
PRICES = {
    "claude-opus-5-5": [[0, [[-1, 4 * BILLION, 20 * BILLION, BILLION // 5, 5 * BILLION, 8 * BILLION]], 10**13]],
    "claude-haiku-5-5": [[0, [[-1, BILLION // 10, BILLION // 2, BILLION // 100, BILLION // 8, BILLION // 5],
                              [100_000, BILLION // 2, BILLION * 5 // 2, BILLION // 20, BILLION * 5 // 8, BILLION]],
                          10**13]],
}  # fmt: skip


class Watched:
    """One session with its files and the state that hooks keep of it."""

    def __init__(self, home: Path) -> None:
        self.claude = home / ".claude"
        self.home = home / "gaia-budget"
        self.transcript = self.claude / "projects" / "-home-dev-project" / f"{SESSION}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        self.policy: dict[str, Any] = {"schema": snapshot.SCHEMA, "prices": PRICES}
        self.save_policy()

    def save_policy(self, **changes: Any) -> None:
        """Write the snapshot with changes."""
        self.policy |= changes
        self.home.mkdir(exist_ok=True)
        (self.home / "snapshot.json").write_text(json.dumps(self.policy))

    def payload(self, event: str, **fields: Any) -> dict[str, Any]:
        """What Claude Code sends on an event."""
        return {"session_id": SESSION, "transcript_path": str(self.transcript), "cwd": "/home/dev/project",
                "hook_event_name": event} | fields  # fmt: skip

    def raw(
        self, stdin: bytes, entry: str = "main", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a hook process on raw input."""
        code = f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); import gaia_hooks.{entry} as m; m.run()"
        return subprocess.run([sys.executable, "-I", "-S", "-c", code], input=stdin, capture_output=True, timeout=60,
                              env=os.environ | environment, check=False)  # fmt: skip

    def forked(self, stdin: bytes, before: Callable[[], object] = int) -> tuple[int, bytes]:
        """The same in a child of this process, after `before`: exit status (1: something was raised) and stdout."""
        into, out = self.home.parent / "stdin", self.home.parent / "stdout"
        into.write_bytes(stdin)
        child = os.fork()
        if child == 0:
            try:
                os.dup2(os.open(into, os.O_RDONLY), 0)
                os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
                before()
                main.run()
                os._exit(0)
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), out.read_bytes()

    def hook(self, event: str, **fields: Any) -> dict[str, Any]:
        """Run a hook process on an event; its answer, empty when it says nothing."""
        done = self.raw(json.dumps(self.payload(event, **fields)).encode())
        assert (done.returncode, done.stderr) == (0, b"")
        return json.loads(done.stdout) if done.stdout else {}

    def figures(self) -> figures.SessionFigures:
        """What has been counted so far."""
        lock = session.lock_of(str(self.home), SESSION, 5)
        with lock:
            return figures.SessionFigures(session.opened(str(self.home), SESSION, lock))

    def lines(self, kind: str = "runtime", module: str = "project") -> list[dict[str, Any]]:
        """The ARGUS lines written so far."""
        path = self.home / "logs" / f"{module}_{kind}.jsonl"
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def log(self) -> str:
        """Our own log."""
        path = self.home / "logs" / "gaia-hooks.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def state_file(self) -> Path:
        """Where the session's state lies."""
        return self.home / "sessions" / f"{SESSION}.json"


@pytest.fixture
def watched(home: Path) -> Watched:
    """A session that hooks watch."""
    return Watched(home)
