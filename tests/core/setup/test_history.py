from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.settings import load
from gaia_budget.setup.history import found
from gaia_hooks.session import sessions

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "claude-sonnet-4-5"  # 3 USD per million input tokens


def replayed() -> dict[str, Any]:
    """What `init --json` tells of it."""
    return found(load()).replay.document()


def prompt(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "user", "message": {"role": "user", "content": text}, "cwd": "/nowhere", **more}


def response(number: int, tokens: int, session: str) -> dict[str, Any]:
    usage = {"input_tokens": tokens, "output_tokens": 0}
    message = {"id": f"msg_{session}_{number}", "model": MODEL, "usage": usage}
    return {
        "type": "assistant",
        "message": message,
        "sessionId": session,
        "timestamp": f"2026-11-20T10:00:{number:02d}.000Z",
        "cwd": "/nowhere",
    }


def write(home: Path, session: str, *rows: dict[str, Any]) -> None:
    file = home / ".claude" / "projects" / "-nowhere" / f"{session}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_history_is_held_against_todays_limits(home: Path) -> None:
    write(home, "fix", prompt("fix the typo in the docs"), response(1, 41_000, "fix"))
    write(home, "feature", prompt("add a search box"), response(1, 41_000, "feature"))
    design = [response(number, 150_000, "design") for number in range(4)]
    write(home, "design", prompt("system design for billing"), *design)
    replay = replayed()
    assert (replay["sessions"], replay["would_have_warned"], replay["would_have_passed_the_limit"]) == (
        3,
        2,
        1,
    )
    assert replay["cost_usd"] == "2.0460"
    assert (replay["since"], replay["folders"]) == ("2026-11-20", 1)
    assert "2 of your 3 sessions would have warned" in replay["text"]


def test_the_type_that_was_chosen_wins_over_the_first_prompt(home: Path) -> None:
    write(home, "fix", prompt("add a search box"), response(1, 41_000, "fix"))
    sessions.set_type(str(places.ensure_home()), "fix", "quick_fix", "command")
    assert replayed()["would_have_warned"] == 1


def test_what_no_human_typed_decides_no_type(home: Path) -> None:
    rows = [
        prompt("fix the typo", isMeta=True),
        prompt("<task-notification>fix the typo</task-notification>"),
        prompt("fix the typo", isSidechain=True),
        {"type": "user", "message": {"content": [{"type": "tool_result", "content": "fix the typo"}]}},
        prompt("add a search box"),
    ]
    write(home, "feature", *rows, response(1, 41_000, "feature"))
    assert replayed()["would_have_warned"] == 0


def test_a_machine_without_history_is_told_so() -> None:
    replay = replayed()
    assert (replay["sessions"], replay["cost_usd"]) == (0, "0.0000")
    assert "no Claude Code sessions yet" in replay["text"]


def test_a_replay_twice_counts_once(home: Path) -> None:
    write(home, "fix", prompt("fix the typo"), response(1, 41_000, "fix"))
    assert replayed() == replayed()
