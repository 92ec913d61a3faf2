"""What a trial in the real client may load of a user's settings, the terminal it is played in, and who is skipped."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gaia_budget import places
from gaia_budget.cli.app import app
from gaia_budget.jsontext import parse
from gaia_budget.setup import init
from gaia_budget.setup.checks import without_effect
from gaia_budget.setup.init import Options, settings_path
from gaia_budget.setup.proof import proving
from gaia_budget.setup.proof.proving import harmless
from gaia_budget.setup.proof.trial import Terminal

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the trial is played in a POSIX terminal")

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                    max_leaves=6)  # fmt: skip
KEYS = (
    "hooks",
    "statusLine",
    "env",
    "permissions",
    "disableAllHooks",
    "apiKeyHelper",
    "enabledPlugins",
    "model",
)
THEIRS: dict[str, Any] = {
    "apiKeyHelper": "their-program",
    "awsAuthRefresh": "their-program",
    "someLaterKey": {"command": "their-program"},
    "enabledPlugins": {"their-program@them": True},
    "statusLine": {"type": "command", "command": "their-program"},
    "env": {
        "ANTHROPIC_BASE_URL": "their-program",
        "GAIA_BUDGET_HOME": "their-program",
        "GAIA_BUDGET_OFF": "0",
    },
    "disableAllHooks": False,
    "model": "opus",
    "hooks": {
        "Stop": [
            {"hooks": [{"type": "command", "command": "their-program", "args": ["their-program"]}]},
            {"hooks": [{"type": "http", "url": "their-program", "headers": {"x": "their-program"}}]},
            {
                "hooks": [
                    {"type": "agent", "prompt": "their-program"},
                    {"type": "mcp_tool", "tool": "their-program"},
                ]
            },
        ]
    },
}


def empty_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder / "empty"))


def test_programs_addresses_and_keys_of_the_user_are_not_copied_into_a_trial() -> None:
    kept = harmless(json.dumps(THEIRS))
    assert "their-program" not in json.dumps(kept)
    assert kept["env"] == {"GAIA_BUDGET_OFF": "0"} and kept["model"] == "opus"
    assert without_effect.refusals(json.dumps(kept)) == []


def test_what_is_wired_is_copied_to_the_letter_and_a_wrapped_status_line_without_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_path(tmp_path, monkeypatch)
    settings_path(None).parent.mkdir(parents=True)
    settings_path(None).write_text(json.dumps(THEIRS), "utf-8")
    init.apply(init.plan(Options()))
    wired = json.loads(settings_path(None).read_text("utf-8"))
    kept = harmless(json.dumps(wired))
    assert kept["hooks"]["PreToolUse"] == wired["hooks"]["PreToolUse"]
    assert "wrapped_statusline.py" in kept["statusLine"]["command"]
    assert b"their-program".hex() not in kept["statusLine"]["command"]


@pytest.mark.parametrize("changed", ["import gaia_hooks;import os", "import gaia_hooks "])
def test_a_program_that_only_looks_like_ours_is_not_started_in_a_trial(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_path(tmp_path, monkeypatch)
    init.apply(init.plan(Options()))
    wired = json.loads(settings_path(None).read_text("utf-8"))
    entry = wired["hooks"]["Stop"][0]["hooks"][0]
    entry["args"][-1] = entry["args"][-1].replace("import gaia_hooks", changed)
    assert harmless(json.dumps(wired))["hooks"]["Stop"][0]["hooks"][0]["command"] == ":"


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_what_makes_the_client_drop_a_file_is_in_its_copy_too(content: dict[str, Any]) -> None:
    def named(document: Any) -> list[str]:
        return [one.key for one in without_effect.refusals(json.dumps(document))]

    assert named(harmless(json.dumps(content))) == named(content)


@given(JSON)
def test_a_file_of_any_json_value_can_be_copied(content: Any) -> None:
    copy = harmless(json.dumps(content))
    assert parse(json.dumps(copy)).root.plain() == copy


def test_a_program_in_a_terminal_ends_with_all_that_it_has_started(tmp_path: Path) -> None:
    program = "trap '' TERM HUP; sleep 600 & echo child=$!; stty size; wait"
    with Terminal(["/bin/sh", "-c", program], tmp_path, {"PATH": os.environ["PATH"]}) as screen:
        while "40 120" not in screen.text():
            screen.read(0.1)
        child = int(screen.text().partition("child=")[2].split()[0])
    assert not screen.runs
    with pytest.raises(ProcessLookupError):
        while True:  # its new parent has to take note of its end
            os.kill(child, 0)


def test_where_an_administrator_sets_programs_nothing_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "bin" / "claude"
    client.parent.mkdir()
    client.write_text(f"#!{sys.executable}\nopen({str(tmp_path / 'started')!r}, 'w')\n", "utf-8")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(client.parent))
    file = places.managed_settings()[0]
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "https://gateway.invalid"}}), "utf-8")
    found = proving.prove(None)
    assert found.ok is None and "administrator" in found.said
    assert not (tmp_path / "started").exists()


def test_without_a_client_one_line_says_that_nothing_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_path(tmp_path, monkeypatch)
    said = CliRunner().invoke(app, ["init", "--yes", "--no-replay"]).stdout
    assert said.splitlines()[-1] == "Proof     not tried: Claude Code is not on the PATH"
    asked = json.loads(CliRunner().invoke(app, ["init", "--yes", "--no-replay", "--json"]).stdout)
    assert asked["proof"] == {"ok": None, "said": "not tried: Claude Code is not on the PATH", "cure": ""}
    left_out = CliRunner().invoke(app, ["init", "--yes", "--no-replay", "--no-proof"]).stdout
    assert "Proof" not in left_out
