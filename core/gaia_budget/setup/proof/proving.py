"""Whether what was wired works, link by link: Claude Code starts, a hook fires and counts, the status line draws it.

The client runs in a temporary home, against a stand-in on this machine, with a key that is none: nothing is asked of a
provider, nothing of the user's is read by it or changed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.configfile import read_text
from gaia_budget.errors import ConfigError
from gaia_budget.reports import shown
from gaia_budget.setup import mcp_server, own_entries
from gaia_budget.setup.checks import client_checks
from gaia_budget.setup.init import settings_path
from gaia_budget.setup.proof.answering import Answerer
from gaia_budget.setup.proof.copied import harmless
from gaia_budget.setup.proof.terminal import OTHER_MODE, Terminal
from gaia_hooks.facts import snapshot
from gaia_hooks.say.figures import SessionFigures
from gaia_hooks.session import counting

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 10.0
LOOKS_EVERY = 0.1
REDRAWN_EVERY = 0.5
NUDGED_AFTER = 1.5
"""Seconds from the question until the mode of permissions is changed: a busy client writes the answer's row behind the
last event of its turn, and draws the status line anew only at the next one."""
PROMPT = "Say one word."
NO_KEY = "none"
DRAWN = re.compile(r"session [1-9]\d* % of [\d,]+ (?:≥ )?\$[\d.,]+")
KEPT_OF_THE_SNAPSHOT = (
    "schema",
    "written_at",
    "prices",
    "families",
    "price_times",
    "price_source",
    "billing",
    "session_types",
)
"""What a hook reckons by; not where it writes, what it refuses, or what it starts in the background."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "SHELL", "GAIA_BUDGET_OFF")
ADMINISTERED = ("/Library/Managed Preferences", "com.anthropic.claudecode.plist")
DOCTOR = "gaia-budget doctor"


class Proof(NamedTuple):
    """What came of it, in words; `ok` is None where nothing was tried."""

    ok: bool | None
    said: str
    cure: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()


class ProofSeen(NamedTuple):
    """What a trial has shown."""

    asked: bool
    fired: bool
    tokens: int
    drawn: str
    screen: str


def prove(project: Path | None) -> Proof:
    """Let Claude Code run one prompt with the wired settings; at most ten seconds."""
    reason = _obstacle(project)
    if reason:
        return Proof(None, f"not tried: {reason}")
    client = ".".join(map(str, mcp_server.client_version() or ()))
    program = mcp_server.client() or ""
    with tempfile.TemporaryDirectory(prefix="gaia-budget-proof-", ignore_cleanup_errors=True) as folder:
        home = _Home(places.real(Path(folder)), project)
        home.make()
        try:
            seen = home.tried(program)
        except OSError as error:
            return Proof(None, f"not tried: Claude Code {client} did not start in a terminal: {error}")
        return _judged(f"Claude Code {client}", seen, home)


def _obstacle(project: Path | None) -> str:
    """Why nothing is tried; empty where it can be."""
    if os.name == "nt":
        return "there is no terminal for a trial on Windows; start `claude` and look at its status line"
    if mcp_server.client() is None:
        return "Claude Code is not on the PATH"
    if sys.platform == "darwin" and list(Path(ADMINISTERED[0]).glob(f"**/{ADMINISTERED[1]}")):
        return "your administrator's settings hold for a trial too, and may lead elsewhere"
    for file in (*places.managed_settings(), settings_path(project)):
        try:
            text = read_text(file)
        except FileNotFoundError:
            continue
        except ConfigError as error:
            return str(error)
        if file != settings_path(project) and _reaches_out(text):
            return (
                f"your administrator's {file} holds for a trial too, and has programs or addresses of its own"
            )
    return ""


def _reaches_out(text: str) -> bool:
    whole = harmless(text)
    return not isinstance(whole, str) and whole != json.loads(text.removeprefix("\ufeff"))


class _Home:
    """A temporary home with the wired settings in it."""

    def __init__(self, folder: Path, project: Path | None) -> None:
        self.folder, self.wired_project = folder, project
        self.config, self.project, self.state = folder / ".claude", folder / "project", folder / "gaia-budget"
        self.draws = False

    def make(self) -> None:
        for made in (self.config, self.project / ".claude", self.state):
            made.mkdir(parents=True)
        for source, copy in self._settings():
            try:
                text = read_text(source)
            except FileNotFoundError:
                continue
            content = harmless(text)
            copy.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
            if isinstance(content, dict) and content.get("statusLine") is not None:
                self.draws = own_entries.is_our_status_line(own_entries.status_line_of(text))
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

    def _settings(self) -> Iterator[tuple[Path, Path]]:
        """The settings that are tried, and where their copies lie."""
        yield settings_path(None), self.config / "settings.json"
        if self.wired_project is not None:
            for name in ("settings.json", "settings.local.json"):
                yield self.wired_project / ".claude" / name, self.project / ".claude" / name

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
            text = drawn.group() if drawn else ""
            return ProofSeen(api.asked.is_set(), self.fired(), tokens, text, screen.text())

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

    def log(self) -> str:
        """The last line that a hook has written of a fault."""
        try:
            lines = (self.state / "logs" / "gaia-hooks.log").read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((shown.name(line, 200) for line in reversed(lines) if line.strip()), "")


def _judged(client: str, seen: ProofSeen, home: _Home) -> Proof:
    if seen.tokens and (seen.drawn or not home.draws):
        where = "ran one prompt against a stand-in on this machine (no model was asked)"
        line = f'the status line drew "{seen.drawn}"' if home.draws else "no status line of ours is wired"
        said = f"{client} {where}: the hook counted {seen.tokens:,} tokens, {line}"
        return Proof(True, said)
    for check in _found(home):
        return Proof(False, f"{_broken(client, seen)}. {check.detail}", check.fix)
    if not seen.asked:
        last = shown.name(" ".join(seen.screen.split())[-200:], 200)
        said = f"not shown: {_broken(client, seen)}; its screen ends with: {last}"
        return Proof(None, said, "start `claude` and look at its status line")
    return Proof(False, f"{_broken(client, seen)}{f': {home.log()}' if home.log() else ''}", DOCTOR)


def _broken(client: str, seen: ProofSeen) -> str:
    """The first link that was not seen to hold."""
    if not seen.asked:
        return f"{client} sent no prompt within {SECONDS:.0f} s"
    if not seen.fired:
        return f"{client} ran a prompt, and none of our hooks fired"
    if not seen.tokens:
        return f"a hook fired in {client}, and counted nothing"
    return f"the hook counted {seen.tokens:,} tokens in {client}, and the status line did not draw them"


def _found(home: _Home) -> Iterator[client_checks.Check]:
    """What is wrong with the files that were tried, by what `doctor` looks at."""
    looks = (client_checks.settings_json_check, client_checks.switched_off_check, client_checks.hook_files_check,
             client_checks.wiring_check)  # fmt: skip
    project = home.wired_project or home.project
    yield from (check for look in looks for check in look(project) if not check.ok)
