"""Limits in the real client, where the user configured them: what is refused never reaches the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.components import requires
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from support.claude_client import Run
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

LIMIT = 50_000


def configure(world: World, module: dict[str, Any] | None = None, **settings: Any) -> None:
    """Write the user's settings, with those of the module `shop`, and let an ingest hand them to the hooks."""
    file = world.claude.home / "gaia-budget" / "settings.toml"
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
    if module:
        lines += ["[modules.shop]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in module.items())]
    file.write_text("".join(lines), "utf-8")
    world.run("ingest")


def agents(count: int, **options: Any) -> list[dict[str, Any]]:
    """Calls of the Agent tool, in the background, all in one batch."""
    kind = {"subagent_type": "general-purpose", "run_in_background": True, **options}
    return [
        tool("Agent", description=f"part {n}", prompt=f"part {n} of the work", **kind) for n in range(count)
    ]


def refused(run: Run) -> list[str]:
    """The reasons of the main thread's failed tool calls."""
    return [json.dumps(result["content"]) for result in run.tool_results if result.get("is_error")]


def test_room_for_three_of_eight_subagents_runs_three(world: World, api: ScriptedApi) -> None:
    configure(world, session_policy="block", subagent_allowance_tokens=10_000)
    api.main(
        reply(tool("Bash", command="true", description="nothing"), input=100, output=100, write_5m=15_000),
        reply(*agents(8), input=100, output=100, read=15_000),
        reply(text("joined"), read=15_100),
    )
    api.agent("of the work", reply(text("ok"), input=300, output=30))
    run = world.claude.run("do it in parts")
    assert len({request.thread for request in api.messages() if request.thread}) == 3
    reasons = refused(run)
    assert len(reasons) == 5
    assert all("set aside for running subagents" in reason for reason in reasons)
    assert "joined" in [result["result"] for result in run.results]


def test_with_downgrade_the_subagents_of_a_used_up_session_ask_for_the_cheaper_model(
    world: World, api: ScriptedApi
) -> None:
    configure(world, session_policy="downgrade")
    api.main(
        reply(tool("Bash", command="true", description="nothing"), input=100, write_5m=LIMIT),
        reply(*agents(1, model="opus"), input=100, read=LIMIT),
        reply(text("joined"), read=LIMIT),
    )
    api.agent("of the work", reply(text("ok"), input=300, output=30))
    run = world.claude.run("do it in parts")
    assert {request.body["model"] for request in api.messages() if request.thread} == {"claude-haiku-5-5"}
    assert any("runs on haiku instead of opus" in line for line in run.informational)


def test_a_prompt_of_a_used_up_session_sends_no_request(world: World, api: ScriptedApi) -> None:
    configure(world, session_policy="block")
    api.main(reply(text("done"), input=100, write_5m=LIMIT))
    first = world.claude.run("a large task")
    sent = len(api.messages())
    again = world.claude.run("and now more", "--resume", first.session_id)
    assert len(api.messages()) == sent
    assert "gaia-budget session type" in json.dumps(again.rows)


def test_a_used_up_turn_may_save_its_work_and_is_then_ended(world: World, api: ScriptedApi) -> None:
    configure(world, session_policy="block")
    notes = str(world.claude.cwd / "notes.txt")
    work = [
        tool("Edit", file_path=notes, old_string="second", new_string="third"),
        tool("Bash", command="git add notes.txt", description="save"),
        *[tool("Bash", command=f"echo forbidden-{n}", description="go on") for n in range(5)],
    ]
    api.main(
        reply(tool("Read", file_path=notes), input=100, write_5m=15_000),
        reply(tool("Edit", file_path=notes, old_string="first", new_string="second"), read=15_000),
        reply(work[0], input=100, write_5m=LIMIT, read=15_000),  # its own hook may see this response, or not
        *[reply(call, input=100, read=LIMIT + 15_000) for call in work[1:]],
    )
    run = world.claude.run("edit, save and go on")
    assert (world.claude.cwd / "notes.txt").read_text("utf-8") == "third line\n"
    staged = world.claude.shell("git", "diff", "--cached", "--name-only").stdout
    assert staged.strip() == "notes.txt"
    assert "forbidden-" not in "".join(str(r["content"]) for r in run.tool_results if not r.get("is_error"))
    assert run.result["terminal_reason"] == "hook_stopped"
    assert len(api.messages("")) < 3 + len(work)


def test_a_used_up_month_sends_no_request_until_an_override_is_granted(
    world: World, api: ScriptedApi
) -> None:
    configure(world, {"on_exceeded": "block", "counts_claude_code": True}, billing="api")
    api.main(reply(text("done"), input=100, write_5m=4_000_000))  # 20 USD
    world.claude.run("a large task")
    for late in (False, True):  # by what the hooks noted themselves, then by the ledger's figure
        if late:
            world.run("ingest")
        sent = len(api.messages())
        refused = json.dumps(world.claude.run("and now more").rows)
        assert len(api.messages()) == sent
        assert "gaia-budget override add shop" in refused
        assert "resets" in refused
    world.run("override", "add", "shop", "--usd", "100", "--reason", "release", "--yes")
    api.main(reply(text("goes on"), input=100))
    assert world.claude.run("and now more").result["result"] == "goes on"


def test_under_a_hard_cap_hooks_that_cannot_start_let_nothing_through(world: World, api: ScriptedApi) -> None:
    wired = world.claude.home / ".claude" / "settings.json"
    configure(world, session_policy="block")
    for closed in (False, True):
        if closed:
            world.run("init", "--yes", "--no-replay", "--no-proof")
        settings = json.loads(wired.read_text("utf-8"))
        for groups in settings["hooks"].values():
            groups[0]["hooks"][0]["command"] = "/nowhere/python3"
        kept = wired.read_text("utf-8")
        wired.write_text(json.dumps(settings), "utf-8")
        world.claude.run("go")
        assert len(api.messages()) == 1, "the first run alone, whose wiring is of the settings before"
        wired.write_text(kept, "utf-8")


def test_without_a_configured_limit_nothing_is_ever_refused(world: World, api: ScriptedApi) -> None:
    api.main(
        reply(tool("Bash", command="echo one", description="say"), input=100, write_5m=3 * LIMIT),
        reply(*agents(2), input=100, read=3 * LIMIT),
        reply(text("joined"), read=3 * LIMIT),
    )
    api.agent("of the work", reply(text("ok"), input=300, output=30))
    run = world.claude.run("do it in parts")
    assert refused(run) == []
    assert [line for line in run.informational if "100 %" in line]
