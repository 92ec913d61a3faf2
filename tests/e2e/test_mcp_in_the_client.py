"""The MCP server in the real Claude Code: found, called, asked by prompt and resource, killed, slow, and refused."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.components import requires
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = [requires("claude"), requires("git")]
TOOL = "mcp__gaia-budget__"
NAMES = ("spend", "recommend", "sections", "load_section", "session", "override")
OPENING = {"write_1h": 30_000, "input": 10, "output": 100}
WAITING = reply(
    tool("Bash", command="sleep 0.2", description="let the server start"),
    input=0,
    output=1,
    until=f"{TOOL}budget_recommend",
)
OVERRIDE = tool(f"{TOOL}budget_override", module="shop", usd=2.5, reason="the yearly report")


@pytest.fixture(autouse=True)
def handbook(world: World) -> None:
    """A CLAUDE.md with a section that no request holds by itself."""
    rules = "# Shop\n\n" + "Sells things.\n" * 40 + "\n## Pricing rules\n\nA price is never rounded.\n"
    (world.claude.cwd / "CLAUDE.md").write_text(rules, "utf-8")


def answers(run: Any) -> list[dict[str, Any]]:
    """What our tools answered, as the model got it."""
    contents = [str(one["content"]) for one in run.tool_results if not one.get("is_error")]
    return [json.loads(content) for content in contents if content.startswith("{")]


def servers(world: World) -> list[int]:
    """The ids of our servers that run in this world."""
    home = f"GAIA_BUDGET_HOME={world.claude.home / 'gaia-budget'}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                b"gaia_mcp\0" in (process / "cmdline").read_bytes()
                and home in (process / "environ").read_bytes()
            ):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_tools_are_announced_listed_and_called(world: World, api: ScriptedApi) -> None:
    api.main(
        reply(tool("Bash", command="true", description="begin"), **OPENING),
        WAITING,
        reply(tool("ToolSearch", query=f"select:{TOOL}budget_recommend"), input=5),
        reply(tool(f"{TOOL}budget_recommend", task="jd_parse", module="jseeker"), input=5),
        reply(tool(f"{TOOL}budget_spend", by="module"), input=5),
        reply(tool(f"{TOOL}budget_session"), input=5),
        reply(text("done")),
    )
    run = world.claude.run("which model")
    announced = api.messages("")[-1].everything()
    assert all(f"{TOOL}budget_{name}" in announced for name in NAMES)
    assert "Token budgets of this session and its project" in announced, "the server's instructions"
    recommended, spent, session = answers(run)[-3:]
    assert recommended["alias"] == "haiku"
    assert spent["total"]["responses"] >= 0
    assert (session["type"], session["limit_tokens"]) == ("quick_fix", 50_000)
    assert session["budget_tokens"] >= 30_000


def test_a_prompt_of_ours_is_a_command(world: World, api: ScriptedApi) -> None:
    api.main(
        reply(tool("Bash", command="true", description="begin"), **OPENING),
        WAITING,
        reply(text("ready")),
        reply(tool(f"{TOOL}budget_session", type="architecture"), input=5),
        reply(text("set")),
    )
    with world.claude.conversation() as talk:
        talk.say("wait")
        talk.say("/mcp__gaia-budget__start_session architecture")
        run = talk.close()
    assert "Call budget_session with type='architecture'" in api.messages("")[-1].everything()
    answer = answers(run)[-1]
    assert (answer["type"], answer["chosen_by"]) == ("architecture", "command")
    assert world.ask("session", "type", "--session", run.session_id)["type"] == "architecture"


def test_after_clear_the_new_session_is_meant(world: World, api: ScriptedApi) -> None:
    api.main(
        reply(tool("Bash", command="true", description="begin"), **OPENING),
        WAITING,
        reply(text("first")),
        reply(tool(f"{TOOL}budget_session"), input=2_000, output=50),
        reply(text("second")),
    )
    with world.claude.conversation() as talk:
        talk.say("wait")
        talk.say("/clear")
        talk.say("look")
        run = talk.close()
    assert answers(run)[-1]["budget_tokens"] < 10_000


def test_a_section_is_a_resource_to_mention(world: World, api: ScriptedApi) -> None:
    world.run("claude-md", "split", str(world.claude.cwd / "CLAUDE.md"), "--yes")
    api.main(reply(text("read"), **OPENING))
    world.claude.run("follow @gaia-budget:claude-md://pricing-rules")
    assert "A price is never rounded." in api.messages("")[0].everything()


def test_an_override_without_a_human_is_refused(world: World, api: ScriptedApi) -> None:
    api.main(WAITING, reply(OVERRIDE, **OPENING), reply(text("refused")))
    run = world.claude.run("get more money")
    result = run.tool_results[-1]
    assert result["is_error"]
    assert "refused" in str(result["content"])
    assert "2.5" not in world.run("spend", "--json").stdout


@requires("tmux")
def test_an_override_is_granted_in_the_terminal(world: World, api: ScriptedApi) -> None:
    api.main(WAITING, reply(OVERRIDE, **OPENING), reply(text("granted it was")))
    with world.claude.terminal("--allowedTools", f"{TOOL}budget_override,Bash") as screen:
        screen.wait_for(r"❯|>")
        screen.type("get more money")
        shown = screen.wait_for(r"Claude asks for \$2\.5000 beyond the monthly budget of shop")
        assert "the yearly report" in shown
        accept(screen)
        screen.wait_for("granted it was")
    assert '"usd":"2.5000"' in api.messages("")[-1].everything().replace("\\", "")


def accept(screen: Any) -> None:
    """Tick the box and accept the form; it overlooks a key that follows another one within a moment."""
    screen.press("Space")
    screen.wait_for("☒")
    screen.press("Down")
    screen.wait_for("❯ Accept")
    for _ in range(60):
        screen.press("Enter")
        time.sleep(0.5)  # nothing announces that the form listens again
        if "requests your input" not in screen.screen():
            return


@pytest.mark.skipif(sys.platform != "linux", reason="finds the server in /proc")
def test_a_killed_server_comes_back_at_the_next_call(world: World, api: ScriptedApi) -> None:
    api.main(
        reply(tool(f"{TOOL}budget_session"), **OPENING),
        reply(text("first")),
        reply(tool(f"{TOOL}budget_session"), input=5),
        reply(tool(f"{TOOL}budget_session"), input=5),
        reply(text("second")),
    )
    with world.claude.conversation() as talk:
        talk.say("look")
        [pid] = servers(world)
        os.kill(pid, signal.SIGKILL)
        talk.say("look again")
        [heir] = servers(world)
        assert heir != pid
        run = talk.close()
    assert '"type":"quick_fix"' in str(run.tool_results[-1]["content"])
    deadline = time.monotonic() + 30
    while servers(world):
        assert time.monotonic() < deadline, "a server outlived its client"
        time.sleep(0.05)  # polls a foreign process, which announces nothing


def test_a_server_that_starts_in_eight_seconds_is_waited_for(world: World, api: ScriptedApi) -> None:
    slow = world.claude.home / "slow.py"
    slow.write_text(
        "import runpy, time\ntime.sleep(8)\nrunpy.run_module('gaia_mcp', run_name='__main__')\n", "utf-8"
    )
    world.claude.shell("claude", "mcp", "remove", "--scope", "user", "gaia-budget")
    command = [str(world.python), "-P", str(slow)]
    world.claude.shell("claude", "mcp", "add", "--scope", "user", "gaia-budget", "--", *command)
    api.main(
        reply(tool("Bash", command="true", description="begin"), **OPENING),
        WAITING,
        reply(tool(f"{TOOL}budget_session"), input=5),
        reply(text("done")),
    )
    run = world.claude.run("wait, then look")
    assert '"type":"quick_fix"' in str(run.tool_results[-1]["content"])
