"""A clone with every attack together, opened by the real client: nothing runs, is read, written or weakened outside.

Hooks, status line and server are wired as `init` wires them; limits are hard, and `shop` is another project.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import snapshot
from support import hostile_clone
from support.components import requires
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from pathlib import Path

    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")
TOOL = "mcp__gaia-budget__"
POLICY = ("session_policy", "refuse_uncounted", "session_types", "price_source", "thresholds", "logs", "roots", "lifts",
          "config_dirs", "subagent_allowance_tokens", "protected_agents", "variables", "price_times")  # fmt: skip
COMMANDS = ("status", "ingest", "doctor", "claude-md check", "claude-md check docs", "claude-md split --yes docs",
            "claude-md split --yes linked", "claude-md sections", "spend --by module", "claude-md join")  # fmt: skip
SPOKEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


class Opened:
    """The hostile clone in the real client's world, and what must be as it was."""

    def __init__(self, world: World, tmp_path: Path) -> None:
        self.world, self.outside = world, tmp_path / "outside"
        self.home = world.claude.home / "gaia-budget"
        hostile_clone.make(tmp_path / "clone", self.outside)
        hostile_clone.lie(world.root / "logs", world.claude.home / ".claude" / "projects" / "-x")
        (self.home / "settings.toml").write_text(
            'session_policy = "block"\n[modules.shop]\non_exceeded = "block"\n'
        )
        world.run("ingest")
        self.claude: Claude = replace(world.claude, cwd=tmp_path / "clone")
        self.claude.accept_first_questions()
        self._refuse_the_clones_server()
        self.before = self.guarded()

    def _refuse_the_clones_server(self) -> None:
        """As a careful user does: the client alone decides about the servers, hooks and programs of a project."""
        file = self.claude.home / ".claude.json"
        state = json.loads(file.read_text("utf-8"))
        state["projects"][str(self.claude.cwd)]["disabledMcpjsonServers"] = ["gaia-budget"]
        file.write_text(json.dumps(state), "utf-8")

    def guarded(self) -> dict[str, object]:
        """Limits and settings of the user and the other projects, and what lies outside: each by its name."""
        held = snapshot.load(str(self.home))
        own = (self.home / "settings.toml", self.claude.home / ".claude" / "settings.json")
        others = (
            *self.world.root.glob("*.json"),
            self.world.claude.cwd / "notes.txt",
            *self.outside.rglob("*"),
        )
        files = [*own, *others]
        shop = {key: value for key, value in held["modules"]["shop"].items() if not key.endswith("_nano")}
        shop["limit_nano"] = held["modules"]["shop"]["limit_nano"]
        lying = {str(path): path.read_bytes() for path in files if path.is_file()}
        return {**lying, **{key: held[key] for key in POLICY}, "shop": shop}

    def is_unharmed(self, *said: str) -> None:
        """Nothing was run, read, written or weakened, and nothing that was said steers a terminal."""
        now = self.guarded()
        assert {key: now[key] for key in now if now[key] != self.before.get(key)} == {}
        assert now.keys() == self.before.keys()
        assert sorted(path.name for path in self.outside.iterdir()) == ["program", "target.md"]
        assert not list(self.outside.parent.rglob("stolen.db"))
        kept = [
            path for path in self.home.rglob("*") if path.suffix in (".json", ".jsonl", ".log", ".md", ".txt")
        ]
        logs = list((self.world.root / "logs").iterdir())
        for path in [one for one in (*kept, *logs) if one.name != "evil_runtime.jsonl"]:
            assert re.fullmatch(r"[\w.@-]+", path.name), path
            assert hostile_clone.CANARY not in path.read_text("utf-8", "replace"), path
        for words in said:
            assert not SPOKEN.search(words), words
            assert hostile_clone.CANARY not in words


@pytest.fixture
def opened(world: World, tmp_path: Path) -> Opened:
    return Opened(world, tmp_path)


def test_nothing_gets_out_of_a_hostile_clone_in_a_headless_run(opened: Opened, api: ScriptedApi) -> None:
    program = f"'{opened.world.python}' -P -m gaia_budget"
    api.main(
        *(reply(tool("Bash", command=f"{program} {words} 2>&1", description=words), input=10) for words in COMMANDS),
        reply(tool("Bash", command=f"cd /; {program} ingest 2>&1", description="elsewhere"), input=10),
        reply(tool(f"{TOOL}budget_sections"), input=5),
        reply(tool(f"{TOOL}budget_spend", by="module"), input=5),
        reply(tool(f"{TOOL}budget_session", type="architecture"), input=5),
        reply(text("done")),
    )  # fmt: skip
    run = opened.claude.run("look around")
    answers = [json.dumps(one["content"]) for one in run.tool_results]
    assert run.result["result"] == "done" and len(answers) == len(COMMANDS) + 4
    told = [str(one["content"]) for one in run.tool_results]
    opened.is_unharmed(*run.informational, *(words.replace("\\n", "\n") for words in told))
    document = opened.world.ask("spend", "--by", "module")
    opened.is_unharmed(*[str(value) for row in document["rows"] for value in row.values()])
    assert opened.world.ask("session", "type", "--session", run.session_id)["type"] != "architecture"


@requires("tmux")
def test_nothing_gets_out_of_a_hostile_clone_in_a_terminal(opened: Opened, api: ScriptedApi) -> None:
    api.main(reply(text("all quiet here"), input=10), reply(text("bye"), input=10))
    with opened.claude.terminal("--permission-mode", "default") as screen:
        screen.wait_for("default|shortcuts|❯")
        screen.type("go on")
        shown = screen.wait_for("all quiet here")
    assert "GAIA_BUDGET_SESSION_POLICY" in shown, "what is ignored of the project's settings is named"
    opened.is_unharmed(*shown.splitlines())
