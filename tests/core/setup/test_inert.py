from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.setup.checks import without_effect

if TYPE_CHECKING:
    from pathlib import Path

# The shape of settings found in the wild: keys of an imagined schema, a guard that exits 1.
SETTINGS = """\
{
  "hooks": {
    "PostToolUse": [
      {
        "pattern": "Edit|Write",
        "pathPattern": "\\\\.py$",
        "hooks": [
          {"type": "command", "command": "ruff format {{path}}", "continueOnError": true}
        ]
      }
    ],
    "PreToolUse": [
      {
        "pattern": "Edit|Write",
        "pathPattern": "catalogue\\\\.json$",
        "hooks": [
          {
            "type": "command",
            "command": "echo 'BLOCKED: ask first' && exit 1"
          },
          {
            "type": "command",
            "command": "python Q:/nowhere/guard.py --strict"
          }
        ]
      }
    ]
  },
  "permissions": {"allow": ["Bash(exit 1)"]}
}
"""


def test_every_line_without_effect_is_named_with_its_reason() -> None:
    assert [(found.line, found.key) for found in without_effect.inert(SETTINGS)] == [
        (5, "pattern"),
        (6, "pathPattern"),
        (8, "command"),
        (8, "continueOnError"),
        (14, "pattern"),
        (15, "pathPattern"),
        (19, "command"),
        (23, "command"),
    ]
    problems = {found.line: found.problem for found in without_effect.inert(SETTINGS)}
    assert "exit 2" in problems[19]
    assert "Q:/nowhere/guard.py is not there" in problems[23]


def test_the_corrected_block_has_no_line_without_effect() -> None:
    corrected = without_effect.corrected(SETTINGS.replace("Q:/nowhere/", ""), sys.executable)
    assert without_effect.inert(corrected) == []
    assert json.loads(corrected)["hooks"]["PreToolUse"][0]["matcher"] == "Edit|Write"


def test_settings_that_work_are_left_alone() -> None:
    good = {
        "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "guard"}]}]}
    }
    assert without_effect.inert(json.dumps(good)) == []
    assert json.loads(without_effect.corrected(json.dumps(good), "python3")) == good


def run_corrected(settings: dict[str, Any], event: str, file_path: str) -> subprocess.CompletedProcess[bytes]:
    entry = json.loads(without_effect.corrected(json.dumps(settings), sys.executable))["hooks"][event][0][
        "hooks"
    ][0]
    payload = json.dumps({"tool_input": {"file_path": file_path}}).encode()
    return subprocess.run([entry["command"], *entry["args"]], input=payload, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("edited", "code"), [("x/catalogue.json", 2), (r"x\catalogue.json", 2), ("x/other.json", 0)]
)
def test_the_corrected_guard_blocks_what_it_was_meant_to_block(edited: str, code: int) -> None:
    done = run_corrected(json.loads(SETTINGS), "PreToolUse", edited)
    assert done.returncode == code
    assert (b"BLOCKED: ask first" in done.stderr) == (code == 2)


def test_the_corrected_command_gets_the_path_and_no_shell_reads_it(tmp_path: Path) -> None:
    show = tmp_path / "show.py"
    show.write_text("import sys; print(sys.argv[1:])")
    settings = json.loads(SETTINGS)
    settings["hooks"]["PostToolUse"][0]["hooks"][0]["command"] = (
        f"'{sys.executable}' '{show}' --path {{{{path}}}}"
    )
    odd = 'it\'s $(touch sprung) "a"; b.py'
    assert run_corrected(settings, "PostToolUse", odd).stdout.decode().strip() == str(["--path", odd])
