"""Driving the real Claude Code, headless and in a terminal, against `scripted_api`, in a world of its own.

    claude = Claude(components.path("claude"), home, project, api)
    run = claude.run("Count the files")            # one headless turn: a `Run`
    run.result["total_cost_usd"], run.result["modelUsage"], run.informational, run.hooks
    claude.run("go on", "--resume", run.session_id)
    with claude.conversation() as talk:            # several turns in one process
        talk.say("first"); talk.set_model("sonnet"); talk.say("/compact")
    with claude.terminal() as screen:              # under tmux, in a server of its own
        screen.type("hello"); screen.wait_for("done")
    claude.shell("gaia-budget", "status", "--json")  # our command in the same world

Every process gets an environment made from nothing: a temporary HOME, a dummy key, the loopback URL; `env`
adds variables for all of them. Every wait is bounded and ends in an error that shows what was there instead;
every process started is gone at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.terminal import PATIENCE, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted_api import ScriptedApi

Row = dict[str, Any]
STREAM = ("--output-format", "stream-json", "--verbose")


@dataclass
class Run:
    """What one headless process printed."""

    rows: list[Row]
    returncode: int
    stderr: str

    @property
    def results(self) -> list[Row]:
        """All result rows: one for each wake-up."""
        return [row for row in self.rows if row.get("type") == "result"]

    @property
    def result(self) -> Row:
        """The last result: its `modelUsage` and `total_cost_usd` are the whole session's."""
        assert self.results, f"no result; stderr: {self.stderr[-2000:]}; rows: {self.rows[-3:]}"
        return self.results[-1]

    @property
    def session_id(self) -> str:
        """The session's id."""
        return str(self.result["session_id"])

    @property
    def informational(self) -> list[str]:
        """What the terminal would show from hooks: `systemMessage`s and complaints (not in 2.1.197)."""
        return [str(row["content"]) for row in self.rows if row.get("subtype") == "informational"]

    @property
    def hooks(self) -> list[Row]:
        """Rows about hooks (with `--include-hook-events`): `hook_started`, `hook_response`, …"""
        return [row for row in self.rows if str(row.get("subtype", "")).startswith("hook_")]

    @property
    def tool_results(self) -> list[Row]:
        """The `tool_result` blocks of the main thread, in order: what the model was told."""
        return [
            block
            for row in self.rows
            if row.get("type") == "user" and not row.get("parent_tool_use_id")
            for block in row["message"]["content"]
            if isinstance(block, dict) and block.get("type") == "tool_result"
        ]


@dataclass
class Claude:
    """One installation of the real client in one home, working in one project folder."""

    program: Path
    home: Path
    cwd: Path
    api: ScriptedApi
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The whole environment of every process: nothing is inherited but PATH."""
        return {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(self.program.parent), os.environ["PATH"]]),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": "dummy-key",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
            **self.env,
        }

    def run(self, prompt: str, *options: str, skip_permissions: bool = True) -> Run:
        """One headless run to its end; background agents are waited for by the client itself."""
        command = [str(self.program), "-p", prompt, *STREAM, "--include-hook-events", *options]
        if skip_permissions:
            command.append("--dangerously-skip-permissions")
        done = self._bounded(command)
        return Run(_rows(done.stdout), done.returncode, done.stderr)

    def shell(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Any command in the client's world, such as `claude plugin validate` or `gaia-budget ingest`."""
        done = self._bounded(list(command))
        if check and done.returncode:
            raise AssertionError(f"{command} ended in {done.returncode}: {done.stderr or done.stdout}")
        return done

    @contextlib.contextmanager
    def conversation(self, *options: str) -> Iterator[Conversation]:
        """Several turns in one process: prompts go in as JSON rows, as an SDK sends them."""
        command = [str(self.program), "-p", "--input-format", "stream-json", *STREAM]
        command += ["--include-hook-events", "--dangerously-skip-permissions", *options]
        with subprocess.Popen(
            command,
            cwd=self.cwd,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            talk = Conversation(process)
            try:
                yield talk
            finally:
                talk.close()

    @contextlib.contextmanager
    def terminal(self, *options: str, width: int = 160, height: int = 50) -> Iterator[Terminal]:
        """The client in a terminal, trusted and past its first questions."""
        self.accept_first_questions()
        command = shlex.join([str(self.program), *options])
        screen = Terminal(self.environment(), self.cwd, command, width, height)
        try:
            yield screen
        finally:
            screen.close()

    def accept_first_questions(self) -> None:
        """Seed the client's own state, so that a terminal starts at its prompt."""
        file = Path(self.env.get("CLAUDE_CONFIG_DIR", self.home)) / ".claude.json"
        state = json.loads(file.read_text("utf-8")) if file.exists() else {}
        state |= {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": ["dummy-key"], "rejected": []},
            "bypassPermissionsModeAccepted": True,
        }
        project = state.setdefault("projects", {}).setdefault(str(self.cwd), {})
        project |= {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        file.write_text(json.dumps(state), "utf-8")

    def transcript_rows(self, kind: str) -> list[Row]:
        """The rows of one type in all transcripts of this home, subagents' ones included."""
        files = sorted(self.home.glob(".claude/projects/**/*.jsonl"))
        rows = [row for file in files for row in _rows(file.read_text("utf-8"))]
        return [row for row in rows if row.get("type") == kind]

    def _bounded(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        with subprocess.Popen(
            command,
            cwd=self.cwd,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                _end(process)
                out, err = process.communicate()
                raise AssertionError(
                    f"{command[:3]} did not end in {PATIENCE} s: {out[-2000:]}{err}"
                ) from None
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def _rows(printed: str) -> list[Row]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class Conversation:
    """A running headless client; see `Claude.conversation`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._printed: queue.Queue[Row] = queue.Queue()
        self.rows: list[Row] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._printed.put(json.loads(line))

    def say(self, words: str) -> Row:
        """Send one prompt (or slash command) and return the result row that ends its turn."""
        content = [{"type": "text", "text": words}]
        self._send({"type": "user", "message": {"role": "user", "content": content}})
        return self.until(lambda row: row.get("type") == "result")

    def set_model(self, model: str) -> Row:
        """Switch the main model, as an SDK does; returns the client's answer."""
        request_id = uuid.uuid4().hex
        request = {"subtype": "set_model", "model": model}
        self._send({"type": "control_request", "request_id": request_id, "request": request})
        return self.until(lambda row: row.get("type") == "control_response")

    def until(self, wanted: Any) -> Row:
        """Read rows until one satisfies `wanted`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                row = self._printed.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not printed in {PATIENCE} s; last: {self.rows[-3:]}") from None
            self.rows.append(row)
            if wanted(row):
                return row

    def close(self) -> Run:
        """End the input, wait for the client to end, and return all that it printed."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _end(self._process)
            raise AssertionError("the client did not end after its input had") from None
        self._reader.join(PATIENCE)
        while not self._printed.empty():
            self.rows.append(self._printed.get())
        return Run(self.rows, self._process.returncode, "")

    def _send(self, row: Row) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(row) + "\n")
        self._process.stdin.flush()
