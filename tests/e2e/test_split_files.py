"""A split CLAUDE.md in the real client: the index is there at the start and again after a compaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.components import requires
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

HANDBOOK = "# Shop\n\nThe shop sells things.\n\n" + "".join(
    f"## Chapter {n}\n\n- fact {n}.1\n- fact {n}.2\n\n" for n in range(16)
)


def test_after_compaction_the_index_is_there_again(world: World, api: ScriptedApi) -> None:
    file = world.claude.cwd / "CLAUDE.md"
    file.write_text(HANDBOOK, "utf-8")
    world.run("claude-md", "split", str(file), "--yes")
    api.main(reply(text("one"), input=3000, output=20), reply(text("two"), input=2500))
    api.compaction(reply(text("<summary>we talked</summary>"), input=3100, output=40))
    with world.claude.conversation() as talk:
        talk.say("hello")
        talk.say("/compact")
        talk.say("go on")
    first, *_, last = api.messages("")
    for request in (first, last):
        asked = request.everything()
        assert "budget_load_section" in asked
        assert "CLAUDE_L2.md" in asked
        assert "compaction" in asked.lower()
        assert "fact 15.2" not in asked
    assert "we talked" in last.everything()


def alone(world: World) -> str:
    (world.claude.cwd / "AGENTS.md").write_text(HANDBOOK, "utf-8")
    return "AGENTS_L2.md"


def behind_a_link(world: World) -> str:
    (world.claude.cwd / "CLAUDE.md").symlink_to("AGENTS.md")
    return alone(world)


def imported(world: World) -> str:
    (world.claude.cwd / "CLAUDE.md").write_text("@AGENTS.md\n", "utf-8")
    return alone(world)


def beside_another(world: World) -> str:
    (world.claude.cwd / "AGENTS.md").write_text("Other agents read this.\n", "utf-8")
    (world.claude.cwd / "CLAUDE.md").write_text(HANDBOOK, "utf-8")
    return "CLAUDE_L2.md"


def in_the_folder_of_settings(world: World) -> str:
    (world.claude.cwd / ".claude").mkdir(exist_ok=True)
    (world.claude.cwd / ".claude" / "CLAUDE.md").write_text(HANDBOOK, "utf-8")
    return ".claude/CLAUDE_L2.md"


def nested(world: World) -> str:
    """A session in a package of a monorepo; the AGENTS.md between is not for this client."""
    (world.claude.cwd / "CLAUDE.md").write_text("# All packages\n\n- Small commits.\n", "utf-8")
    world.claude.cwd = world.claude.cwd / "packages" / "till"
    world.claude.cwd.mkdir(parents=True)
    (world.claude.cwd.parent / "AGENTS.md").write_text(
        "# P\n\n## Foreign\n\nOther agents read this.\n", "utf-8"
    )
    (world.claude.cwd / "CLAUDE.md").write_text(HANDBOOK, "utf-8")
    return "packages/till/CLAUDE_L2.md"


@pytest.mark.parametrize(
    "form",
    [alone, behind_a_link, imported, beside_another, in_the_folder_of_settings, nested],
    ids=lambda f: f.__name__,
)
def test_every_command_and_the_client_take_the_instructions_where_they_are(
    form: Callable[[World], str], world: World, api: ScriptedApi
) -> None:
    named = form(world)
    project = world.claude.cwd
    l2 = named.removeprefix("packages/till/")
    links = {path: path.readlink() for path in project.glob("*.md") if path.is_symlink()}
    assert world.run("claude-md", "check", check=False).returncode == 1
    world.run("claude-md", "split", "--yes")
    assert "fact 15.2" in (project / l2).read_text("utf-8")
    assert {path: path.readlink() for path in project.glob("*.md") if path.is_symlink()} == links
    world.run("claude-md", "check")
    assert "chapter-15" in world.run("claude-md", "list").stdout
    assert "fact 15.2" in world.run("claude-md", "show", "chapter-15").stdout
    assert world.run("claude-md", "verify").stdout.startswith("ok")
    assert "saves" in world.run("claude-md", "savings").stdout
    (project / l2).write_text("A new start.\n\n" + (project / l2).read_text("utf-8"), "utf-8")
    assert "taken in" in world.run("claude-md", "watch", "--once").stdout

    load = tool("mcp__gaia-budget__budget_load_section", name="chapter-15")
    table = tool("mcp__gaia-budget__budget_sections")
    api.main(
        reply(
            tool("Bash", command="sleep 0.2", description="wait"), until=load["name"], input=3000, output=20
        ),
        reply(tool("ToolSearch", query=f"select:{load['name']},{table['name']}"), input=5),
        reply(table, input=5),
        reply(load, input=5),
        reply(text("done"), input=5),
    )
    world.claude.run("look up chapter 15")
    requests = [request.everything() for request in api.messages("")]
    assert named in requests[0]
    assert "fact 15.2" not in requests[0] and "Other agents" not in requests[-1]
    assert "chapter-15" in requests[-2] and "foreign" not in requests[-2]
    assert l2.replace("_L2", "") in requests[-2]
    assert "fact 15.2" not in requests[-2]
    assert "fact 15.2" in requests[-1]

    world.run("claude-md", "join")
    assert not (project / l2).exists()
    whole = (project / l2.replace("_L2", "")).read_text("utf-8")
    assert whole == "A new start.\n\n" + HANDBOOK
