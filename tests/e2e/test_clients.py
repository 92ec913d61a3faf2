"""Claude Code from the oldest to the newest: wired and counted, or told why not.

CI has the pinned ones. `GAIA_TEST_CLIENTS=2.1.116,2.1.238,2.1.330` adds what the cache of components holds of others.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.setup.wiring import ARGUMENTS_SINCE
from support import components
from support.claude_client import Claude
from support.components import NEWEST, OLDEST, requires
from support.scripted_api import growing, reply, text, tool
from support.world import World, wired

if TYPE_CHECKING:
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "claude-197", "git")

OTHERS = os.environ.get("GAIA_TEST_CLIENTS", "").split(",")


@pytest.mark.parametrize("version", [OLDEST, NEWEST, *filter(None, OTHERS)])
def test_a_client_is_wired_and_counted_or_told_why_not(
    version: str, home: Path, project: Path, api: ScriptedApi, tmp_path: Path, price_list: None
) -> None:
    program = components.claude_in(components.cache() / f"claude-{version}")
    assert program is not None, f"{version} is not in {components.cache()}"
    claude = Claude(program, home, project, api)
    if tuple(map(int, version.split("."))) < ARGUMENTS_SINCE:
        refused = World(claude, tmp_path, Path(sys.executable)).run("init", "--yes", check=False)
        assert refused.returncode == 1
        assert f"Claude Code {version} would not run our hooks" in refused.stderr
        assert not (home / ".claude" / "settings.json").exists()
        return
    world = wired(claude, tmp_path)
    first, last = (
        reply(tool("Bash", command="echo hi"), input=700, output=12),
        reply(text("done"), input=100, output=9),
    )
    api.main(*growing(first, last))
    run = claude.run("say hi")
    assert sum(line["input_tokens"] + line["output_tokens"] for line in world.lines()) == 821
    world.run("ingest")
    assert world.ask("status", "--session", run.session_id)["session"]["budget_tokens"] == 821
    assert world.ask("spend", "--session", run.session_id)["total"]["responses"] == 2
