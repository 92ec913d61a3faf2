"""A split CLAUDE.md in the real client: the index is there at the start and again after a compaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.components import requires
from support.scripted_api import reply, text

if TYPE_CHECKING:
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
