"""What we build on in the real client, without anything of ours: its accounts equal what the API answered.

A new version of Claude Code that breaks one of these breaks our figures: this is where it shows first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.components import requires
from support.scripted_api import reply, text, tool
from support.truth import answered, reported

if TYPE_CHECKING:
    from support.claude_client import Claude
    from support.messages_wire import Cut
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

OPENING = {"input": 2100, "output": 61, "write_5m": 9000}


def foreground(words: str) -> dict[str, object]:
    """A call of the Agent tool that is waited for."""
    kind = {"subagent_type": "general-purpose", "run_in_background": False}
    return tool("Agent", description=words, prompt=words, **kind)


def background(words: str, model: str) -> dict[str, object]:
    """A call of the Agent tool that runs on beside the main thread."""
    kind = {"subagent_type": "general-purpose", "run_in_background": True, "model": model}
    return tool("Agent", description=words, prompt=words, **kind)


def test_tools_run_and_every_response_is_in_the_clients_total(claude: Claude, api: ScriptedApi) -> None:
    notes = str(claude.cwd / "notes.txt")
    api.main(
        reply(tool("Bash", command="echo from-bash", description="say"), **OPENING),
        reply(tool("Read", file_path=notes), read=9000, write_1h=500),
        reply(tool("Edit", file_path=notes, old_string="first", new_string="second"), read=9500),
        reply(text("edited"), read=9600, output=300),
    )
    run = claude.run("edit the notes")
    assert "from-bash" in json.dumps(run.tool_results)
    assert (claude.cwd / "notes.txt").read_text("utf-8") == "second line\n"
    assert run.result["result"] == "edited"
    assert reported(run.result) == answered(api.billed)


def test_foreground_and_background_subagents_are_in_the_clients_total(
    claude: Claude, api: ScriptedApi
) -> None:
    api.main(
        reply(foreground("count the files"), **OPENING),
        reply(background("read the notes", model="haiku"), read=9000),
        reply(text("waiting"), read=9100),
        reply(text("all done"), read=9200),
    )
    api.agent(
        "count the files", reply(tool("Bash", command="ls", description="list"), input=700), reply(text("1"))
    )
    api.agent("read the notes", reply(text("one line"), input=650, output=20))
    run = claude.run("look around")
    assert len({billed.thread for billed in api.billed if billed.thread}) == 2
    assert run.result["subagent_stats"]["spawned"] == 2
    assert reported(run.result) == answered(api.billed)


def test_sixteen_subagents_at_once_are_in_the_clients_total(claude: Claude, api: ScriptedApi) -> None:
    api.main(
        reply(*[foreground(f"part {n:02d} of the work") for n in range(16)], **OPENING), reply(text("joined"))
    )
    api.agent(
        "of the work", reply(tool("Bash", command="true", description="work"), input=300), reply(text("ok"))
    )
    run = claude.run("do it in parts")
    assert len({billed.thread for billed in api.billed if billed.thread}) == 16
    assert reported(run.result) == answered(api.billed)


@pytest.mark.parametrize(("cut", "rows"), [("in a block", 1), ("after a block", 2)])
def test_a_broken_stream_is_in_the_clients_total_and_has_a_row_only_for_whole_blocks(
    claude: Claude, api: ScriptedApi, cut: Cut, rows: int
) -> None:
    api.main(reply(status=529), reply(text("half"), cut=cut, **OPENING), reply(text("whole"), **OPENING))
    run = claude.run("try hard")
    assert run.result["result"] == "whole"
    assert reported(run.result) == answered(api.billed)
    assert len(claude.transcript_rows("assistant")) == rows


def test_a_model_switch_and_a_compaction_are_in_the_clients_total(claude: Claude, api: ScriptedApi) -> None:
    api.main(reply(text("one"), **OPENING), reply(text("two"), write_5m=9500))
    api.compaction(reply(text("<summary>we talked</summary>"), input=11000, output=400))
    with claude.conversation() as talk:
        talk.say("first")
        talk.set_model("sonnet")
        talk.say("second")
        compacted = talk.say("/compact")
    totals = answered(api.billed)
    assert set(totals) == {"claude-opus-5-5", "claude-sonnet-5-5"}
    assert reported(compacted) == totals


@pytest.mark.parametrize("option", ["--resume", "--fork-session"])
def test_a_resumed_or_forked_session_carries_the_earlier_total(
    claude: Claude, api: ScriptedApi, option: str
) -> None:
    api.main(reply(text("one"), **OPENING))
    first = claude.run("begin")
    api.main(reply(text("two"), input=50, read=9000))
    again = claude.run("go on", "--resume", first.session_id, *([option] if option != "--resume" else []))
    assert (again.session_id == first.session_id) is (option == "--resume")
    assert reported(again.result) == answered(api.billed)


def test_a_worktree_is_entered_and_left_within_one_session(claude: Claude, api: ScriptedApi) -> None:
    api.main(
        reply(tool("EnterWorktree", name="side"), **OPENING),
        reply(tool("Bash", command="pwd", description="where"), read=9000),
        reply(tool("ExitWorktree", action="remove"), read=9100),
        reply(text("back"), read=9200),
    )
    run = claude.run("work aside")
    assert "worktree" in json.dumps(run.tool_results)
    assert reported(run.result) == answered(api.billed)
    assert len({request.session_id for request in api.messages()}) == 1


@requires("tmux")
def test_the_terminal_shows_the_answer(claude: Claude, api: ScriptedApi) -> None:
    api.main(reply(text("the answer is seven"), **OPENING))
    with claude.terminal() as screen:
        screen.wait_for("❯")
        screen.type("how many files")
        screen.wait_for("the answer is seven")
    assert len(api.messages()) == 1


@requires("claude-197")
def test_the_oldest_client_keeps_the_same_accounts(claude_197: Claude, api: ScriptedApi) -> None:
    api.main(reply(foreground("count the files"), **OPENING), reply(text("done"), read=9000))
    api.agent("count the files", reply(tool("Bash", command="ls", description="list")), reply(text("1")))
    run = claude_197.run("look around")
    assert reported(run.result) == answered(api.billed)
