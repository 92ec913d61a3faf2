"""Recorded events and a session whose cost was reckoned by hand, replayed on this machine; one report to send."""

from __future__ import annotations

import json
import locale
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import GaiaBudgetError
from gaia_budget.prices import contract
from gaia_budget.setup.trying.demo import HANDBOOK
from gaia_budget.setup.trying.world import LINKED, SESSION, World

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOADS = Path(__file__).with_name("payloads.json")
"""One payload of every event that is wired, as Claude Code 2.1.330 sent it."""
TOKENS, USD = 41_910, "0.22304"
"""10 input, 41,000 written to the cache, 900 output of claude-opus-5-5 at $4, $5 and $20 per million tokens."""
TIMED = 5


class Trial(NamedTuple):
    """One thing that has to work, and what was seen."""

    name: str
    ok: bool
    detail: str


class TrialReport(NamedTuple):
    """What works on this machine, and what kind of machine it is; no name of a person, folder or project."""

    checks: list[Trial]
    machine: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether everything works."""
        return all(check.ok for check in self.checks)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"ok": self.ok, "checks": [check._asdict() for check in self.checks], "machine": self.machine}


def examine() -> TrialReport:
    """Try everything in a temporary home, one thing after the other; what fails does not end the report."""
    with tempfile.TemporaryDirectory(prefix="gaia-budget-selftest-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder).resolve() / "a home's ü")
        checks = [_tried(name, look, world) for name, look in LOOKS]
    return TrialReport(checks, _machine())


def _tried(name: str, look: Callable[[World], str], world: World) -> Trial:
    try:
        return Trial(name, True, look(world))
    except (AssertionError, GaiaBudgetError, OSError, LookupError, ValueError) as error:
        said = f"{type(error).__name__}: {error}".replace(str(world.home), LINKED).replace(
            str(Path.home()), LINKED
        )
        return Trial(name, False, " ".join(said.split())[:600])


def _wired(world: World) -> str:
    world.wire()
    return "hooks and status line are in the settings file"


def _events(world: World) -> str:
    world.answer("made up", written=41_000, output=900)
    payloads = json.loads(PAYLOADS.read_text("utf-8"))
    said = [world.hook(one.pop("hook_event_name"), **one) for one in payloads]
    warned = [answer["systemMessage"] for answer in said if "systemMessage" in answer]
    assert any("80 %" in one for one in warned), warned
    log = world.state / "logs" / "gaia-hooks.log"
    assert not log.exists(), log.read_text("utf-8")[-400:]
    return f"{len(payloads)} recorded events taken, {len(warned)} answered"


def _counted(world: World) -> str:
    found = json.loads(world.gaia("spend", "--session", SESSION, "--by", "session", "--json"))
    row = found["rows"][0]
    seen = row["budget_tokens"], row["cost_usd"]
    if contract.load():  # which holds here as well: its prices are the machine's
        assert seen[0] == TOKENS, f"counted {seen[0]} tokens, by hand {TOKENS}"
        return f"{TOKENS:,} tokens, as reckoned by hand; ${seen[1]} at your organisation's own prices"
    assert seen == (TOKENS, USD), f"counted {seen}, by hand {(TOKENS, USD)}"
    return f"{TOKENS:,} tokens, ${USD}, as reckoned by hand"


def _status_line(world: World) -> str:
    line = world.status_line()
    assert "session 83 %" in line, line
    return line


def _server(world: World) -> str:
    said = world.ask_server("budget_session")
    assert json.loads(said)["budget_tokens"] == TOKENS, said
    return "the MCP server answers on its pipes"


def _splitter(world: World) -> str:
    file, before = world.cwd / "CLAUDE.md", HANDBOOK.read_bytes()
    file.write_bytes(before)
    world.gaia("claude-md", "split", "--yes")
    lines = len(file.read_bytes().splitlines())
    world.gaia("claude-md", "join")
    assert file.read_bytes() == before, "split and joined again, it is another text"
    return f"{len(before.splitlines())} lines to {lines}, and back to the byte"


def _history(world: World) -> str:
    return world.gaia("verify").strip()


def _undone(world: World) -> str:
    settings = world.home / ".claude" / "settings.json"
    world.gaia("init", "--undo", "--yes")
    assert not settings.exists(), settings.read_text("utf-8")
    return "the settings file is as it was: not there"


def _cost(world: World) -> str:
    world.wire()
    payload = {"tool_name": "Bash", "tool_use_id": "toolu_t", "tool_input": {"command": "true"}}
    hooked = [_seconds(lambda: world.hook("PreToolUse", **payload)) for _ in range(TIMED)]
    bare = [_seconds(lambda: world.run([sys.executable, "-I", "-S", "-c", ""])) for _ in range(TIMED)]
    return f"{statistics.median(hooked) * 1000:.0f} ms, a bare Python {statistics.median(bare) * 1000:.0f} ms"


LOOKS: tuple[tuple[str, Callable[[World], str]], ...] = (
    ("wiring", _wired),
    ("events", _events),
    ("counting", _counted),
    ("status line", _status_line),
    ("server", _server),
    ("splitter", _splitter),
    ("history", _history),
    ("undo", _undone),
    ("cost of a hook", _cost),
)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _machine() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "gaia-budget": version("gaia-token-budget"),
        "system": platform.platform(),
        "python": f"{platform.python_version()} {platform.python_implementation()} {platform.machine()}",
        "encodings": f"files {sys.getfilesystemencoding()}, text {locale.getpreferredencoding(False)}, "
        f"terminal {getattr(sys.__stdout__, 'encoding', None)}",
    }
