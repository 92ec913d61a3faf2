"""Under a hard policy no tool call changes what holds the limit; without one, nothing is in anybody's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.rows import assistant, write

if TYPE_CHECKING:
    from .conftest import Watched


@pytest.fixture
def hard(watched: Watched) -> Watched:
    """A session within its hard limit."""
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=10, calls=["toolu_1"]))
    return watched


def refused(watched: Watched, tool: str, **tool_input: Any) -> str:
    """Why a call is denied; empty where it goes on."""
    answer = watched.hook("PreToolUse", tool_name=tool, tool_use_id="toolu_1", tool_input=tool_input)
    output = answer.get("hookSpecificOutput", {})
    return output["permissionDecisionReason"] if output.get("permissionDecision") == "deny" else ""


def test_our_state_and_settings_are_not_edited(hard: Watched) -> None:
    for name in ("settings.toml", "snapshot.json", "sessions/x.json", "months/../settings.toml"):
        assert "our state folder" in refused(hard, "Edit", file_path=str(hard.home / name))


def test_a_link_to_our_settings_is_no_way_round(hard: Watched) -> None:
    link = hard.home.parent / "innocent.txt"
    link.symlink_to(hard.home / "settings.toml")
    assert "our state folder" in refused(hard, "Write", file_path=str(link))


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_the_wiring_is_not_edited(hard: Watched, name: str) -> None:
    assert "settings file" in refused(hard, "Edit", file_path=str(hard.claude / name))
    assert "settings file" in refused(hard, "Edit", file_path=f"/home/dev/project/.claude/{name}")
    assert "settings file" in refused(hard, "Edit", file_path=f".claude/{name}")


def test_the_owners_files_are_not_edited(hard: Watched) -> None:
    root = hard.home.parent / "gaia"
    hard.save_policy(logs=str(root / "logs"))
    assert "the owner's token_budget.json" in refused(hard, "Edit", file_path=str(root / "token_budget.json"))
    assert refused(hard, "Edit", file_path=str(root / "elsewhere" / "token_budget.json")) == ""


@pytest.mark.parametrize(
    "command",
    [
        "GAIA_BUDGET_OFF=1 claude -p more",
        "GAIA_BUDGET_SESSION_POLICY=warn gaia-budget ingest",
        "env -u CLAUDECODE gaia-budget override add shop --usd 100 --reason more --yes",
        "gaia-budget   init --undo --yes",
        "python3 install.py --undo",
        "claude --settings '{\"disableAllHooks\":true}'",
        "sed -i s/block/warn/ {home}/settings.toml",
    ],
)
def test_a_command_that_names_what_holds_the_limit_is_refused(hard: Watched, command: str) -> None:
    assert "only a human changes it" in refused(
        hard, "Bash", command=command.replace("{home}", str(hard.home))
    )


def test_other_work_goes_on(hard: Watched) -> None:
    assert refused(hard, "Edit", file_path="/home/dev/project/settings.json") == ""
    assert refused(hard, "Read", file_path=str(hard.home / "settings.toml")) == ""
    assert refused(hard, "Bash", command="gaia-budget status && pytest") == ""


def test_where_limits_only_warn_nothing_is_guarded(watched: Watched) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    assert refused(watched, "Edit", file_path=str(watched.home / "settings.toml")) == ""
    assert refused(watched, "Bash", command="gaia-budget init --undo") == ""
