"""A home of its own with Claude Code's files in it, where what was wired is started as the client starts it.

Nothing of the user's is read or changed: no variable, no folder, no client and no key gets in, and no request gets out.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.errors import InternalError
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
SESSION = "d3300000-0000-4000-8000-000000000001"
SYSTEM_VARIABLES = ("SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL")
SECONDS = 120
INSET = 75  # columns of a letter that is shown indented
LINKED = "~"


class World:
    """One temporary home with a project in it."""

    def __init__(self, folder: Path, project: str = "shop") -> None:
        self.home, self.cwd = folder, folder / project
        self.state = folder / "gaia-budget"
        self.transcript = folder / ".claude" / "projects" / f"-{project}" / f"{SESSION}.jsonl"
        for made in (self.cwd, self.transcript.parent):
            made.mkdir(parents=True)
        self._messages = 0

    def environment(self) -> dict[str, str]:
        """The whole environment of everything that is started: what the system needs, and the temporary home."""
        kept = {name: os.environ[name] for name in SYSTEM_VARIABLES if name in os.environ}
        ours = {
            "HOME": self.home,
            "USERPROFILE": self.home,
            "GAIA_BUDGET_HOME": self.state,
            "PATH": self.home,
        }
        return {**kept, **{name: str(place) for name, place in ours.items()}, "NO_COLOR": "1",
                "PYTHONUTF8": "1", "CLAUDE_CODE_SESSION_ID": SESSION}  # fmt: skip

    def run(self, command: list[str] | str, given: str = "", *, check: bool = True, width: int = 80) -> str:
        """Start a command here; what it printed, with the home's own path written as `~`."""
        try:
            done = subprocess.run(
                command, cwd=self.cwd, env={**self.environment(), "COLUMNS": str(width)}, input=given.encode(),
                capture_output=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise InternalError(f"{command} did not end in {SECONDS} s", slug="fault") from error
        said = done.stdout.decode(errors="replace")
        if check and done.returncode:
            raise InternalError(
                f"{command} ended in {done.returncode}: {said}{done.stderr.decode(errors='replace')}",
                slug="fault",
            )
        return said.replace(str(self.home), LINKED)

    def gaia(self, *words: str, check: bool = True) -> str:
        """One of our commands."""
        return self.run(places.program("gaia_budget", *words), check=check)

    def wire(self) -> str:
        """Wire hooks and status line into this home; nothing may go on in the background after the trial."""
        command = places.program("gaia_budget", "init", "--yes", "--no-replay", "--no-proof")
        said = self.run(command, width=INSET)
        (self.state / "ingest.started").write_text(str(clock.now() + 10**6), encoding="ascii")
        return said

    def hook(self, event: str, **fields: Any) -> Row:
        """An event, handed to the wired hook as the client hands it; the answer, empty where it says nothing."""
        entry = self._settings()["hooks"][event][0]["hooks"][0]
        command = [entry["command"], *entry["args"]] if "args" in entry else _words(entry["command"])
        said = self.run(command, json.dumps(self.payload(event, **fields)))
        return json.loads(said) if said.strip() else {}

    def payload(self, event: str, **fields: Any) -> Row:
        """What the client sends on an event."""
        return {
            "session_id": SESSION,
            "transcript_path": str(self.transcript),
            "cwd": str(self.cwd),
            "hook_event_name": event,
            **fields,
        }

    def status_line(self) -> str:
        """What the wired status line shows."""
        given = {**self.payload("Status"), "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"}}
        return self.run(_words(self._settings()["statusLine"]["command"]), json.dumps(given)).strip()

    def answer(self, text: str, *, written: int, read: int = 0, output: int = 0) -> None:
        """Let Claude Code write one response into the session's file, with its usage."""
        self._messages += 1
        usage = {
            "input_tokens": 10,
            "output_tokens": output,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        }
        self.write(
            {
                "type": "assistant",
                "uuid": f"u{self._messages}",
                "requestId": f"req_{self._messages}",
                "message": {
                    "id": f"msg_{self._messages}",
                    "model": "claude-opus-5-5",
                    "role": "assistant",
                    "content": [{"type": "text", "text": text}],
                    "usage": usage,
                },
            }
        )

    def write(self, *rows: Row) -> None:
        """Append rows to the session's file, as Claude Code does."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        common = {"sessionId": SESSION, "timestamp": now, "cwd": str(self.cwd), "version": "2.1.332"}
        with self.transcript.open("a", encoding="utf-8", newline="\n") as file:
            file.write("".join(json.dumps({**common, **row}) + "\n" for row in rows))

    def ask_server(self, tool: str, **arguments: Any) -> str:
        """Ask the MCP server, started as the client starts it; the text that the model would read."""
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "demo", "version": "1"},
        }
        asked = [
            {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}},
        ]  # fmt: skip
        with subprocess.Popen(
            places.program("gaia_mcp"),
            cwd=self.cwd,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as server:
            assert server.stdin is not None and server.stdout is not None
            patience = threading.Timer(SECONDS, server.kill)
            patience.start()
            server.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in asked))
            server.stdin.flush()  # it answers while its input is open, and ends with it
            said = next((one for one in map(json.loads, server.stdout) if one.get("id") == 2), None)
            patience.cancel()
        if said is None or "result" not in said:
            raise InternalError(f"the MCP server did not answer: {said}", slug="fault")
        return "\n".join(part.get("text", "") for part in said["result"]["content"])

    def _settings(self) -> Row:
        file = self.home / ".claude" / "settings.json"
        settings: Row = json.loads(file.read_text("utf-8"))
        return settings


def _words(command: str) -> list[str] | str:
    """A shell's line as a program is started: Windows takes the line itself."""
    return command if os.name == "nt" else shlex.split(command)
