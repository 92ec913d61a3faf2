"""What the command line says of itself."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gaia_budget.cli.app import app

ROOT = Path(__file__).resolve().parents[3]


def test_the_version_is_that_of_the_package() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    ended = CliRunner().invoke(app, ["--version"])

    assert (ended.exit_code, ended.stdout) == (0, f"gaia-budget {told}\n")


@pytest.mark.parametrize("words", [[], ["alerts"], ["claude-md"], ["override"]], ids=" ".join)
def test_help_says_of_each_command_a_whole_sentence(words: list[str]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"]).output
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    listed = [one for one in command.commands.values() if not one.hidden]
    assert listed
    for one in listed:
        assert one.get_short_help_str(1000) in " ".join(shown.split()), one.name
