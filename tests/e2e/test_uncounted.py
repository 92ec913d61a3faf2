"""What the real client leaves uncounted is said, and refused where the user set that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.components import requires
from support.scripted_api import ScriptedApi, reply, text, tool

if TYPE_CHECKING:
    from support.world import World

pytestmark = requires("claude", "git")


def turn(api: ScriptedApi) -> None:
    api.main(reply(tool("Bash", command="echo hi"), input=50), reply(text("done"), input=70))


def test_a_session_without_a_transcript_is_said_and_refused_where_set(world: World, api: ScriptedApi) -> None:
    turn(api)
    said = world.claude.run("go on", "--no-session-persistence").informational
    assert any("this session is not counted" in line for line in said)

    (world.claude.home / "gaia-budget" / "settings.toml").write_text("refuse_uncounted_sessions = true\n")
    world.run("ingest")
    turn(api)
    counted = world.claude.run("go on")
    assert [block["content"] for block in counted.tool_results] == ["hi"]
    turn(api)
    (refused,) = world.claude.run("go on", "--no-session-persistence").tool_results
    assert "this session is not counted" in str(refused["content"])


def test_a_configuration_folder_named_with_a_literal_tilde_is_counted_where_the_client_puts_it(
    world: World, api: ScriptedApi
) -> None:
    wiring = world.claude.home / ".claude" / "settings.json"
    world.claude.env["CLAUDE_CONFIG_DIR"] = "~/.claude-work"
    turn(api)
    world.claude.run("go on", "--settings", str(wiring))
    assert list((world.claude.cwd / "~" / ".claude-work" / "projects").glob("*/*.jsonl"))
    assert sum(line["input_tokens"] for line in world.lines()) == 120
    assert "Write the whole path" in world.run("doctor", check=False).stdout
