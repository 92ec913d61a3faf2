"""Claude Code, run in a home of its own: no provider is asked, nothing of the user's is read by it or changed.

A stand-in on this machine answers for the provider, and a terminal that nobody sees (POSIX) takes what is drawn.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import struct
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_hooks.facts import snapshot
from gaia_hooks.say.figures import SessionFigures
from gaia_hooks.session import counting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

SECONDS = 10.0
LOOKS_EVERY = 0.1
REDRAWN_EVERY = 0.5
NUDGED_AFTER = 1.5
"""Seconds from the question until the mode of permissions is changed: a busy client writes the answer's row behind the
last event of its turn, and draws the status line anew only at the next one."""
PROMPT = "Say one word."
NO_KEY = "none"
DRAWN = re.compile(r"session [1-9]\d* % of [\d,]+ (?:≥ )?\$[\d.,]+")
KEPT_OF_THE_SNAPSHOT = ("schema", "written_at", "prices", "families", "price_times", "price_source", "billing",
                        "session_types")  # fmt: skip
"""What a hook reckons by; not where it writes, what it refuses, or what it starts in the background."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "SHELL", "GAIA_BUDGET_OFF")
ROWS, COLUMNS = 40, 120
PIECE = 1 << 16
OTHER_MODE = b"\x1b[Z"  # shift and tab: the client's next mode of permissions
ENDING_SECONDS = 1.0
MOVES = re.compile(r"\x1b\[[0-9;]*[GCHf]|[\r\n]+")
"""To another place of the screen: a program jumps over blanks that stand there."""
STEERING = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b.|[\x00-\x08\x0e-\x1f]"
)
USAGE = {
    "input_tokens": 12_000,
    "output_tokens": 345,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
}
"""What the answer says that it used; nobody bills it."""
LONGEST_QUESTION = 16 << 20
SOON = 0.05  # seconds until a server that is told to end looks
TEXT = {"type": "text", "text": "Here."}


class ProofSeen(NamedTuple):
    """What a trial has shown."""

    asked: bool
    fired: bool
    tokens: int
    drawn: str
    screen: str


class Home:
    """A temporary home; which settings of Claude Code lie in it, its maker says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config, self.project, self.state = folder / ".claude", folder / "project", folder / "gaia-budget"
        self.draws = False
        """Whether a status line of ours is among the settings."""
        for made in (self.config, self.project / ".claude", self.state):
            made.mkdir(parents=True)
        state = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [NO_KEY], "rejected": []},
            "projects": {
                str(self.project): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
            },
        }
        (self.config / ".claude.json").write_text(json.dumps(state), "utf-8")
        held = snapshot.load(str(places.home()))
        kept = {name: held[name] for name in KEPT_OF_THE_SNAPSHOT} | {"statusline": ["session"]}
        (self.state / "snapshot.json").write_text(json.dumps(kept), "utf-8")

    def environment(self, address: str) -> dict[str, str]:
        """All variables of the client and of what it starts: none of the user's but those of `PASSED_ON`."""
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        ours = {"HOME": self.folder, "TMPDIR": self.folder, "CLAUDE_CODE_TMPDIR": self.folder,
                "CLAUDE_CONFIG_DIR": self.config, "GAIA_BUDGET_HOME": self.state}  # fmt: skip
        return kept | {name: str(path) for name, path in ours.items()} | {
            "TERM": "xterm-256color", "ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": NO_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1", "DISABLE_INSTALLATION_CHECKS": "1",
        }  # fmt: skip

    def tried(self, program: str) -> ProofSeen:
        """Run the prompt until everything is seen, the client ends, or the time is over. Raises OSError."""
        until, redrawn, nudged = time.monotonic() + SECONDS, 0.0, 0.0
        tokens, drawn = 0, None
        command = [program, "--permission-mode", "default", PROMPT]
        with Answerer() as api, Terminal(command, self.project, self.environment(api.address)) as screen:
            while time.monotonic() < until and screen.runs and not (tokens and (drawn or not self.draws)):
                screen.read(LOOKS_EVERY)
                if api.asked.is_set() and not self.fired():
                    break  # the client waits for its prompt's hooks before it asks
                tokens = tokens or self.counted()
                drawn = DRAWN.search(screen.text())
                if tokens and time.monotonic() > redrawn:
                    screen.redraw()
                    redrawn = time.monotonic() + REDRAWN_EVERY
                if api.asked.is_set() and time.monotonic() > nudged:
                    if nudged:
                        screen.press(OTHER_MODE)
                    nudged = time.monotonic() + NUDGED_AFTER
            said = drawn.group() if drawn else ""
            return ProofSeen(api.asked.is_set(), self.fired(), tokens, said, screen.text())

    def fired(self) -> bool:
        """Whether a hook of ours has begun to count."""
        return any((self.state / "sessions").glob("*"))

    def counted(self) -> int:
        """The tokens that hooks have counted until now."""
        tokens = 0
        for file in (self.state / "sessions").glob("*.json"):
            lock = counting.lock_of(str(self.state), file.stem, 0)
            session = counting.unkept(str(self.state), file.stem, lock, snapshot.load(str(self.state)))
            tokens += SessionFigures(session).budget_tokens
        return tokens


class Terminal:
    """A program in a terminal that nobody sees, and whose group ends with the `with`; what it draws is kept as text."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._near, far = os.openpty()
        self._drawn, self._rows = bytearray(), ROWS
        try:
            self._resize(far)
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=far, stdout=far, stderr=far, start_new_session=True
            )  # fmt: skip
        except BaseException:
            os.close(self._near)
            raise
        finally:
            os.close(far)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            self._signal(kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING_SECONDS)
        os.close(self._near)

    @property
    def runs(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    def read(self, seconds: float) -> None:
        """Take what is drawn, waiting so long for it at most."""
        if select.select([self._near], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # the other side is closed
                self._drawn += os.read(self._near, PIECE)

    def redraw(self) -> None:
        """Let the program draw all of its screen anew, as a window does whose size is changed; what was before goes."""
        self._drawn.clear()
        self._rows = ROWS + 1 if self._rows == ROWS else ROWS
        self._resize(self._near)
        self._signal(signal.SIGWINCH)

    def press(self, keys: bytes) -> None:
        """Type keys."""
        with contextlib.suppress(OSError):
            os.write(self._near, keys)

    def text(self) -> str:
        """What was drawn since, without what steers a terminal."""
        return STEERING.sub("", MOVES.sub(" ", self._drawn.decode("utf-8", "replace")))

    def _resize(self, side: int) -> None:
        import fcntl
        import termios

        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", self._rows, COLUMNS, 0, 0))

    def _signal(self, kind: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, kind)


class Answerer(ThreadingHTTPServer):
    """A stand-in for the provider, for as long as its `with` lasts: one short answer to every question."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(SOON,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is ended in the middle of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Answerer
    timeout = 10  # seconds for a question to arrive

    def log_message(self, format: str, *args: object) -> None:
        """Questions are not printed."""

    def do_GET(self) -> None:
        self._send("application/json", b"{}")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = self.headers.get("content-length") or ""
        data = self.rfile.read(min(int(length), LONGEST_QUESTION) if length.isdecimal() else 0)
        try:
            question = json.loads(data)
        except ValueError:
            question = None
        if self.path.partition("?")[0] != "/v1/messages" or not isinstance(question, dict):
            self._send("application/json", b"{}")
            return
        if question.get("tools"):  # the prompt itself, not a title for it
            self.server.asked.set()
        model = str(question.get("model"))
        if question.get("stream"):
            lines = (f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in _events(model))
            self._send("text/event-stream", "".join(lines).encode())
        else:
            whole = _message(model) | {"content": [TEXT], "stop_reason": "end_turn"}
            self._send("application/json", json.dumps(whole).encode())

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _message(model: str) -> dict[str, Any]:
    return {"id": "msg_proof", "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": USAGE}  # fmt: skip


def _events(model: str) -> Iterator[dict[str, Any]]:
    """The answer as a stream."""
    yield {"type": "message_start", "message": _message(model) | {"usage": USAGE | {"output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT["text"]}}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": USAGE,
    }
    yield {"type": "message_stop"}
