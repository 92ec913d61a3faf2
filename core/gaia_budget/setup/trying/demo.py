"""A session, played in a home of its own through what was wired: each step with the line that made it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.setup.trying.world import SESSION, World

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "Fix the typo in README.md"
HANDBOOK = Path(__file__).with_name("handbook.md")
HOOK = "hook {event}, started by Claude Code"


class Step(NamedTuple):
    """What happened, the line that made it, and what that said."""

    title: str
    line: str
    said: str


def steps() -> Iterator[Step]:
    """The whole play, one step at a time; the home is gone when it ends, or is ended."""
    with tempfile.TemporaryDirectory(prefix="gaia-budget-demo-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder).resolve() / "home")
        yield Step("The program is wired into Claude Code", "gaia-budget init --yes", world.wire())
        yield from _session(world)
        yield from _asking(world)
        yield from _handbook(world)
        yield Step("Where everything stands", "gaia-budget", world.gaia())


def _session(world: World) -> Iterator[Step]:
    world.hook("SessionStart", source="startup")
    yield _told(
        world, f'You type "{PROMPT}"; the session is taken for small work', "UserPromptSubmit", prompt=PROMPT
    )
    world.write({"type": "user", "uuid": "u0", "message": {"role": "user", "content": PROMPT}})
    world.answer("I read the project first.", written=39_000, output=1_150)
    yield _told(world, "Claude reads a lot; at 80 % one sentence says so", "PreToolUse", **_bash("ls -R"))
    world.answer("And now the history.", written=6_500, read=39_000, output=1_300)
    yield _told(world, "It goes on; at 95 % another", "PreToolUse", **_bash("git log"))
    yield Step(
        "Below the prompt, all the time: this session, and its project this month",
        "gaia-budget statusline, started by Claude Code",
        world.status_line(),
    )
    world.answer("The typo is fixed.", written=1_500, read=45_500, output=900)
    yield _told(world, "At the limit: one sentence, and nothing is stopped", "Stop", stop_hook_active=False)


def _asking(world: World) -> Iterator[Step]:
    said = world.ask_server("budget_session")
    yield Step(
        "You ask Claude where the session stands; it calls a tool and says it in words",
        "budget_session, by the MCP server",
        said,
    )
    world.hook("SessionEnd", reason="other")
    title = "Afterwards: where the tokens went (cache reads cost, and do not count)"
    yield Step(title, f"gaia-budget receipt {SESSION[:8]}", world.gaia("receipt", SESSION[:8]))
    log = world.state / "logs" / "shop_runtime.jsonl"
    first = log.read_text("utf-8").partition("\n")[0]
    yield Step(
        "The file that dashboards read, one line per answer",
        f"the hooks: ~/gaia-budget/logs/{log.name}",
        first,
    )


def _handbook(world: World) -> Iterator[Step]:
    file = world.cwd / "CLAUDE.md"
    file.write_bytes(HANDBOOK.read_bytes())
    title = (
        f"A CLAUDE.md of {len(HANDBOOK.read_bytes().splitlines())} lines, sent with every request, is split"
    )
    yield Step(title, "gaia-budget claude-md split --yes", world.gaia("claude-md", "split", "--yes"))
    yield Step(
        "The part that stays; the rest loads when it is needed", "cat CLAUDE.md", file.read_text("utf-8")
    )


def _told(world: World, title: str, event: str, **fields: object) -> Step:
    answer = world.hook(event, **fields)
    return Step(title, HOOK.format(event=event), str(answer.get("systemMessage") or "(nothing)"))


def _bash(command: str) -> dict[str, object]:
    return {"tool_name": "Bash", "tool_use_id": f"toolu_{command[:2]}", "tool_input": {"command": command}}
