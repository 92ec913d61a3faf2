"""The main job with the real client: its own account and ours agree, and what has to be said is said."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.components import requires
from support.scripted_api import Reply, growing, reply, text, tool
from support.truth import dollars, tokens

if TYPE_CHECKING:
    from support.claude_client import Run
    from support.messages_wire import Cut
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

OPENING = {"input": 2_100, "output": 61, "write_5m": 19_000}
FIRST_PROMPT = 21_100


def agent(words: str, **options: object) -> dict[str, Any]:
    """A call of the Agent tool, waited for."""
    kind = {"subagent_type": "general-purpose", "run_in_background": False, **options}
    return tool("Agent", description=words, prompt=words, **kind)


def assert_agrees(world: World, run: Run) -> None:
    """Budget tokens and dollars of status and spend equal the client's own result, to the nano-dollar."""
    session = run.session_id
    world.run("ingest")
    status = world.ask("status", "--session", session)["session"]
    total = world.ask("spend", "--session", session)["total"]
    assert status["budget_tokens"] == tokens(run.result)
    assert total["budget_tokens"] == tokens(run.result)
    assert Decimal(status["cost_usd"]) == dollars(run.result)
    assert Decimal(total["cost_usd"]) == dollars(run.result)
    assert Decimal(status["unattributed_usd"]) == 0
    assert total["unpriced_responses"] == 0


def assert_one_line_per_response(world: World, api: ScriptedApi, run: Run) -> None:
    """The module's ARGUS file holds each response once, in plain lines that add up to the client's total."""
    lines = world.lines()
    assert len(lines) == len({line["event_id"] for line in lines}) == len(api.billed)
    assert not [line for line in lines if line.get("corrects")]
    assert sum(line["cost_nano_usd"] for line in lines) == int(dollars(run.result) * 10**9)
    assert {line["correlation_id"] for line in lines} == {run.session_id}


def everyday_work(world: World, section: str) -> list[Reply]:
    """Bash, an edit, a subagent, our two tools: 80 % of 50,000 budget tokens are passed on the way."""
    notes = str(world.claude.cwd / "notes.txt")
    return growing(
        reply(tool("Bash", command="echo from-bash", description="say"), **OPENING),
        reply(tool("Read", file_path=notes), input=3, write_1h=12_000, output=300),
        reply(tool("Edit", file_path=notes, old_string="first", new_string="second"), output=500),
        reply(agent("count the files", model="haiku"), write_5m=900),
        reply(tool("mcp__gaia-budget__budget_spend"), write_5m=5_100),
        reply(tool("mcp__gaia-budget__budget_load_section", name=section)),
        reply(text("All of it is done."), output=700),
    )


HANDBOOK = (
    """# Shop

The shop sells things.

## Commands

- `make test` runs the tests

"""
    + "".join(f"## Chapter {n}\n\n- fact {n}.1\n- fact {n}.2\n\n" for n in range(12))
    + """## Pricing rules

The sum of an invoice is **rounded** in its last line,
	and a tab in front of a line stays a tab.

```text
# not a heading
prices of 2026
```
"""
)

SECTION = HANDBOOK[HANDBOOK.index("## Pricing rules") :]


def split_handbook(world: World) -> str:
    """Put the handbook into the project, split; the name of the section on pricing."""
    file = world.claude.cwd / "CLAUDE.md"
    file.write_bytes(HANDBOOK.encode())
    world.run("claude-md", "split", str(file), "--yes")
    assert file.read_text("utf-8").count("\n") < 30
    listed = world.ask("claude-md", "list", str(file))["sections"]
    return next(str(one["slug"]) for one in listed if one["title"] == "Pricing rules")


def test_a_day_of_work_is_counted_warned_about_and_answered_by_our_tools(
    world: World, api: ScriptedApi
) -> None:
    section = split_handbook(world)
    api.main(*everyday_work(world, section))
    api.agent(
        "count the files",
        *growing(
            reply(tool("Bash", command="ls", description="list"), input=700, output=40, write_5m=800),
            reply(text("one file"), input=20),
        ),
    )
    with world.claude.conversation() as talk:
        assert talk.say("fix the typo in the notes")["result"] == "All of it is done."
        for words, prompt, more in (("go on", 39_603, 6_000), ("thank you", 45_703, 0)):
            api.main(*growing(reply(text("Yes."), write_5m=more), prompt=prompt))
            talk.say(words)
        run = talk.close()
    assert not [result for result in run.tool_results if result.get("is_error")], run.tool_results
    assert (world.claude.cwd / "notes.txt").read_text("utf-8") == "second line\n"

    assert_agrees(world, run)
    assert_one_line_per_response(world, api, run)

    # busy hooks answer from the last state: each threshold is said by the next turn's prompt at the latest
    said = [line for line in run.informational if "GAIA budget" in line]
    assert [step for line in said for step in ("80 %", "95 %", "100 %") if step in line] == ["80 %", "95 %"]

    spent = next(json.loads(one["content"]) for one in run.tool_results if "session_tokens" in one["content"])
    assert 36_000 < spent["session_tokens"] < 42_000
    assert spent["module"] == "shop"
    asked = api.messages("")
    assert "invoice is **rounded**" not in asked[0].everything()
    answer = asked[6].everything().splitlines()[-1]
    assert json.loads(answer)["text"] == SECTION
    assert world.run("claude-md", "show", section, str(world.claude.cwd)).stdout == SECTION

    by_agent = world.ask("spend", "--by", "agent", "--session", run.session_id)["rows"]
    assert sum(row["responses"] for row in by_agent) == len(api.billed)
    builds = world.lines("build")
    assert len(builds) == len(run.tool_results) + 1, "one line per tool call, the subagent's own included"
    assert "from-bash" not in json.dumps(builds + world.lines())


def test_a_module_is_known_from_the_working_directory(world: World, api: ScriptedApi) -> None:
    api.main(reply(text("hello"), **OPENING))
    run = world.claude.run("say hello")
    world.run("ingest")
    rows = world.ask("spend", "--by", "module")["rows"]
    assert [(row["key"], Decimal(row["cost_usd"])) for row in rows] == [("shop", dollars(run.result))]


def test_background_subagents_are_counted_with_their_session(world: World, api: ScriptedApi) -> None:
    api.main(
        *growing(
            reply(agent("read the notes", run_in_background=True), **OPENING),
            reply(text("waiting")),
            reply(text("woken")),
        )
    )
    api.agent(
        "read the notes", reply(tool("Bash", command="ls", description="l"), input=900), reply(text("ok"))
    )
    run = world.claude.run("look around")
    assert_agrees(world, run)
    assert_one_line_per_response(world, api, run)


def test_sixteen_subagents_at_once_in_the_background_and_nested_lose_nothing(
    world: World, api: ScriptedApi
) -> None:
    plain = [agent(f"part {n:02d} of the work", run_in_background=n % 2 == 0) for n in range(9)]
    nesting = [agent(f"room {n} with a corner", run_in_background=n % 2 == 0) for n in range(4)]
    api.main(reply(*plain, *nesting, **OPENING), reply(text("joined")))
    api.agent(
        "of the work",
        reply(tool("Bash", command="true", description="work"), input=310, output=17),
        reply(text("ok"), input=20, read=310, write_1h=77),
    )
    api.agent("with a corner", reply(agent("look into it"), input=280), reply(text("ok"), input=30, read=280))
    api.agent("look into it", reply(text("empty"), input=190, output=23))
    run = world.claude.run("do it in parts")
    assert len({billed.thread for billed in api.billed if billed.thread}) == 13 + 4
    assert_agrees(world, run)
    assert_one_line_per_response(world, api, run)
    types = {line["agent_type"] for line in world.lines()}
    assert types == {"main", "general-purpose"}


def test_a_resumed_session_goes_on_counting(world: World, api: ScriptedApi) -> None:
    api.main(reply(text("one"), **OPENING))
    first = world.claude.run("begin")
    api.main(*growing(reply(text("two"), input=50, write_5m=200), prompt=FIRST_PROMPT))
    again = world.claude.run("go on", "--resume", first.session_id)
    assert again.session_id == first.session_id
    assert_agrees(world, again)
    assert_one_line_per_response(world, api, again)


def test_a_fork_is_counted_once_and_pays_only_for_itself(world: World, api: ScriptedApi) -> None:
    api.main(reply(text("one"), **OPENING))
    parent = world.claude.run("begin")
    api.main(*growing(reply(text("two"), input=50, write_5m=200), prompt=FIRST_PROMPT))
    fork = world.claude.run("go on", "--resume", parent.session_id, "--fork-session")
    assert fork.session_id != parent.session_id
    assert_agrees(world, parent)
    own = world.ask("status", "--session", fork.session_id)["session"]
    assert Decimal(own["cost_usd"]) == dollars(fork.result) - dollars(parent.result)
    assert own["budget_tokens"] == tokens(fork.result) - tokens(parent.result)
    assert Decimal(own["unattributed_usd"]) == 0
    assert Decimal(world.ask("spend")["total"]["cost_usd"]) == dollars(fork.result)
    assert len(world.lines()) == len(api.billed)


COMPACTION = Decimal("0.0260")  # 11,000 tokens in and 400 out at the price of claude-sonnet-5-5: 2 and 10 USD
BROKEN_STREAM = Decimal("0.01401")  # 7,000 tokens in and the one that came out


@pytest.mark.parametrize(("cut", "unseen"), [("", COMPACTION), ("in a block", COMPACTION + BROKEN_STREAM)])
def test_what_only_the_clients_total_knows_is_a_row_of_its_own(
    world: World, api: ScriptedApi, cut: Cut, unseen: Decimal
) -> None:
    api.main(*growing(reply(text("one"), **OPENING), reply(text("two"), write_5m=500)))
    if cut:
        api.main(reply(text("lost"), cut=cut, input=7_000), reply(text("three"), input=7_000))
    api.compaction(reply(text("<summary>we talked</summary>"), input=11_000, output=400))
    with world.claude.conversation() as talk:
        talk.say("first")
        talk.set_model("sonnet")
        talk.say("second")
        if cut:
            talk.say("third")
        talk.say("/compact")
        run = talk.close()
    world.run("ingest")
    status = world.ask("status", "--session", run.session_id)["session"]
    rows = world.ask("spend", "--by", "task", "--session", run.session_id)
    assert Decimal(status["unattributed_usd"]) == unseen
    assert Decimal(status["cost_usd"]) == dollars(run.result)
    assert Decimal(rows["total"]["cost_usd"]) == dollars(run.result)
    assert [row for row in rows["rows"] if "unattributed" in row["key"]], json.dumps(rows["rows"])


def test_what_an_expired_cache_writes_again_costs_but_does_not_count(world: World, api: ScriptedApi) -> None:
    api.main(reply(text("one"), **OPENING), reply(text("two"), input=100, write_5m=FIRST_PROMPT))
    with world.claude.conversation() as talk:
        talk.say("first")
        talk.say("second, after a long break")
        run = talk.close()
    world.run("ingest")
    status = world.ask("status", "--session", run.session_id)["session"]
    held = OPENING["write_5m"]  # what ended the first prompt uncached had never been in the cache
    assert status["recached_tokens"] == held
    assert status["budget_tokens"] == tokens(run.result) - held
    assert Decimal(status["cost_usd"]) == dollars(run.result)


def test_work_in_a_worktree_belongs_to_the_same_session_and_module(world: World, api: ScriptedApi) -> None:
    api.main(
        *growing(
            reply(tool("EnterWorktree", name="side"), **OPENING),
            reply(tool("Bash", command="pwd", description="where")),
            reply(tool("ExitWorktree", action="remove")),
            reply(text("back"), output=90),
        )
    )
    run = world.claude.run("work aside")
    assert_agrees(world, run)
    assert_one_line_per_response(world, api, run)


def test_an_ingest_in_the_middle_and_one_at_the_end_give_the_same_lines(
    world: World, api: ScriptedApi
) -> None:
    api.main(*growing(reply(text("one"), **OPENING), reply(text("two"), write_5m=500)))
    with world.claude.conversation() as talk:
        talk.say("first")
        world.run("ingest")
        talk.say("second")
        run = talk.close()
    assert_agrees(world, run)
    world.run("ingest")
    assert_one_line_per_response(world, api, run)


@requires("tmux")
def test_the_terminal_shows_warning_and_status_line(world: World, api: ScriptedApi) -> None:
    assert "GAIA budget: 80 %" in _shown_in_terminal(world, api)


@requires("tmux", "claude-197")
def test_the_oldest_client_shows_the_warning_in_its_terminal(world_197: World, api: ScriptedApi) -> None:
    assert "GAIA budget: 80 %" in _shown_in_terminal(world_197, api)


def _shown_in_terminal(world: World, api: ScriptedApi) -> str:
    """The screen once the status line has the session's spend."""
    api.main(
        *growing(
            reply(tool("Bash", command="echo one", description="say"), write_5m=40_000),
            reply(tool("Bash", command="echo two", description="say")),
            reply(text("That was all.")),
        )
    )
    with world.claude.terminal("--allowedTools", "Bash") as screen:
        screen.wait_for("❯|>")
        screen.type("say one and two")
        screen.wait_for(r"That was all\.")
        screen.wait_for(r"GAIA budget: 80 %")
        return screen.wait_for(r"session .*\$0\.\d+|quick_fix")


@requires("claude-197")
def test_the_oldest_client_agrees_too(world_197: World, api: ScriptedApi) -> None:
    api.main(*growing(reply(agent("count the files"), **OPENING), reply(text("done"), output=33)))
    api.agent("count the files", reply(tool("Bash", command="ls", description="list")), reply(text("1")))
    run = world_197.claude.run("look around")
    assert_agrees(world_197, run)
    assert_one_line_per_response(world_197, api, run)
