"""What instructions for some files cost in the real client, kept whole, behind the index, and as a rule; and whether
they are there when such a file is changed. Run with `-s` for the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_claude_md.markdown.tokens import estimate
from support.components import requires
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from support.scripted_api import Reply, ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

CHAPTERS = "# Shop\n\nThe shop sells things.\n\n" + "".join(
    f"## Chapter {n}\n\n" + "".join(f"- chapter {n} says {line}\n" for line in range(12)) + "\n"
    for n in range(16)
)
TILL = "## Till (`src/till/`)\n\n" + "".join(f"- till fact {n}: round to {n} cents\n" for n in range(20))
LOAD = tool("mcp__gaia-budget__budget_load_section", name="till-src-till")
WAITED = "(Bash completed with no output)"


class Loaded(NamedTuple):
    """Tokens of what the model reads at the start and when the file has been changed, and what it knew by then."""

    start: int
    after: int
    at_start: bool
    when_needed: bool


WAYS = {
    "whole": (False, []),
    "index, and the model asks": (True, ["split"]),
    "index, and it does not": (False, ["split"]),
    "rules": (False, ["split", "--rules"]),
}


def work(world: World, api: ScriptedApi, ask: bool) -> Loaded:
    """Read and change a file of the till; `ask` has the model load the section as the index tells it to."""
    file = world.claude.cwd / "src" / "till" / "sum.py"
    file.write_text("total = 0\n", "utf-8")
    loading: list[Reply] = [
        reply(tool("ToolSearch", query=f"select:{LOAD['name']}"), input=5),
        reply(LOAD, input=5),
    ]
    api.main(
        reply(tool("Bash", command="sleep 0.2", description="wait"), until=LOAD["name"], input=3000),
        *(loading if ask else []),
        reply(tool("Read", file_path=str(file)), input=5),
        reply(tool("Edit", file_path=str(file), old_string="0", new_string="1"), input=5),
        reply(text("done"), input=5),
    )
    earlier = len(api.messages(""))
    world.claude.run("add up")
    assert file.read_text("utf-8") == "total = 1\n"
    read = [request.everything().replace(WAITED, "") for request in api.messages("")[earlier:]]
    read = [one for one in read if LOAD["name"] in one]  # all from when the server's tools are there
    assert "gaia:rule" not in read[-1]
    return Loaded(estimate(read[0]), estimate(read[-1]), "till fact 7" in read[0], "till fact 7" in read[-2])


def test_a_rule_is_there_when_needed_without_being_asked_for_and_costs_its_text_alone(
    world: World, api: ScriptedApi
) -> None:
    (world.claude.cwd / "src" / "till").mkdir(parents=True)
    (world.claude.cwd / "CLAUDE.md").write_text(CHAPTERS + TILL, "utf-8")
    known = {}
    print()
    for way, (ask, split) in WAYS.items():
        if split:
            written = world.ask("claude-md", *split, "--yes")
            assert written["rules"] == ({"till-src-till.md": ["src/till/**"]} if way == "rules" else {})
        known[way] = work(world, api, ask)
        print(f"{way:26}{known[way].start:6} at start {known[way].after:6} when the file is changed, there: "
              f"{known[way].when_needed}")  # fmt: skip
    whole, asked, not_asked, rules = known.values()
    assert [one.at_start for one in known.values()] == [True, False, False, False]
    assert [one.when_needed for one in known.values()] == [True, True, False, True]
    assert whole.start - rules.start > estimate(CHAPTERS) // 2
    assert not_asked.after < rules.after <= not_asked.after + 1.5 * estimate(TILL)
    assert asked.after > not_asked.after, "asking costs the text too, and two more requests"
