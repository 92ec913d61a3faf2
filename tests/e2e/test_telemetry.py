"""The client's own telemetry, where the user wants it: what no transcript tells of is counted as it happens."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

from support.components import requires
from support.scripted_api import reply, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

PATIENCE = 60
HOOK = {"hooks": {"Stop": [{"hooks": [{"type": "prompt", "prompt": "is it done?"}]}]}}


def until(wanted: Callable[[], Any]) -> Any:
    """What `wanted` yields once it is something; a bounded wait."""
    deadline = time.monotonic() + PATIENCE
    while not (found := wanted()):
        assert time.monotonic() < deadline, f"not within {PATIENCE} s"
        time.sleep(0.05)
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_compaction_and_prompt_hooks_are_counted_live_in_tokens_and_nothing_is_left_unattributed(
    world: World, api: ScriptedApi
) -> None:
    world.run("init", "--yes", "--no-replay", "--no-proof", "--telemetry")
    home = world.claude.home / "gaia-budget"
    port = json.loads((home / "telemetry.json").read_text())["port"]
    assert not listens(port), "nothing listens before a session has a server"
    world.claude.env.pop("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", None)
    (world.claude.cwd / ".claude").mkdir(exist_ok=True)
    (world.claude.cwd / ".claude" / "settings.json").write_text(json.dumps(HOOK))
    api.main(reply(text("one"), input=6_000, output=100), reply(text("two"), input=100, output=10))
    api.compaction(reply(text("a summary"), input=3_000, output=80, write_5m=70))
    api.side(*[reply(text('{"ok": true}'), input=700, output=7)] * 8)

    def late(what: str, fresh: int) -> None:
        """Print how long ago a request was answered: for a reader, of a machine that may be busy; no test of it."""
        answered = max(one.at for one in api.billed if one.usage["input_tokens"] == fresh)
        print(f"{what} was counted {time.monotonic() - answered:.2f} s after it was answered")

    def told(agent: str) -> list[tuple[int, int, int]]:
        names = ("input_tokens", "output_tokens", "cache_write_5m_tokens")
        return [tuple(line[name] for name in names) for line in world.lines() if line["agent_id"] == agent]  # type: ignore[misc]

    with world.claude.conversation() as talk:
        until(lambda: listens(port))
        talk.say("hello")
        until(lambda: (700, 7, 0) in told("hook_prompt"))
        late("a prompt hook", 700)
        talk.say("/compact")
        until(lambda: (3_000, 80, 70) in told("compact"))
        late("a compaction", 3_000)
        run = talk.say("again")
    until(lambda: len(told("hook_prompt")) == 2)  # sent when the client had let go of its servers
    spent = world.ask("spend", "--by", "agent,model", "--session", run["session_id"])
    agents = {row["key"][0] for row in spent["rows"]}
    assert agents >= {"main", "compact", "hook_prompt"}
    assert all(float(row["cost_usd"]) == 0 for row in spent["rows"] if row["model"] == "unattributed")
    nano = round(run["total_cost_usd"] * 10**9)
    assert spent["total"]["cost_usd"] == f"{nano / 10**9:.9f}".rstrip("0")
