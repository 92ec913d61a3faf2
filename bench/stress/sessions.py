"""A session of the traffic: a transcript that grows as Claude Code writes it, and what it holds, known before."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from pathlib import Path

DAYS, MODEL = 90, "claude-opus-5-5"
TWICE = 0.1  # of responses stand on two rows with growing figures


@dataclass
class Session:
    """One session with what it has used, which nobody but its holder writes on."""

    number: int
    of: int
    home: Path
    most: int
    responses: int = 0
    tokens: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return f"57e55000-0000-4000-8000-{self.number:012x}"

    @property
    def project(self) -> Path:
        return self.home / f"p{self.number % 5}"

    @property
    def transcript(self) -> Path:
        folder = "".join(sign if sign.isalnum() else "-" for sign in str(self.project))
        return self.home / ".claude" / "projects" / folder / f"{self.name}.jsonl"

    @property
    def call(self) -> str:
        """The id of the tool call that the newest response makes."""
        return f"toolu_{self.number}_{self.responses}"

    def work(self, dice: random.Random, least: int) -> bytes:
        """The rows of some responses more, at instants that go back at times; the last one makes a tool call."""
        lines = []
        for _ in range(dice.randrange(least, 3)):
            self.responses += 1
            used = dice.randrange(1, self.most)
            long_ago = 86_400 * DAYS * (1 - self.number / self.of) + dice.choice((0, 0, 7200))
            stamp = time.time() - long_ago + self.responses
            rows = [1, used] if dice.random() < TWICE else [used]
            lines += [self._row(stamp, one) for one in rows]
            self.tokens += used
        return b"".join(lines)

    def write(self, rows: bytes) -> None:
        """Put rows at the transcript's end."""
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        with self.transcript.open("ab") as file:
            file.write(rows)

    def _row(self, stamp: float, output: int) -> bytes:
        key = f"{self.number}_{self.responses}"
        content = {"type": "tool_use", "id": self.call, "name": "Bash", "input": {"command": "make all"}}
        usage = {"input_tokens": 0, "output_tokens": output, "cache_read_input_tokens": 10}
        message: dict[str, Any] = {"id": f"msg_{key}", "model": MODEL, "usage": usage, "content": [content]}
        told = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(stamp))
        row = {"type": "assistant", "timestamp": told, "sessionId": self.name, "uuid": f"u_{key}_{output}",
               "cwd": str(self.project), "requestId": f"req_{key}", "message": message}  # fmt: skip
        return json.dumps(row).encode() + b"\n"
