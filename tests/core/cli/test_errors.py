"""Whatever goes wrong, under `--json` every command ends in one document on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from gaia_budget import places
from gaia_budget.cli import app as command_line
from gaia_budget.errors import troubles

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = {"session": "5e551011", "task": "x", "model": "m", "files": "f", "url": "sqlite:///other.db", "alert_id": "x",
         "name": "x", "file": "f", "folder": "f", "module": "shop", "usd": "--usd=5", "reason": "--reason=x",
         "override_id": "x"}  # fmt: skip
"""What each required word may be."""
APART = {"dashboard": "serves a page", "hook": "never fails", "statusline": "never fails", "mcp": "serves",
         "top": "draws on a terminal", "demo": "plays for seconds", "selftest": "plays for seconds",
         "claude-md watch": "goes on until it is stopped"}  # fmt: skip
SLUGS = {slug for group in troubles().values() for slug in group}


def commands(one: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Every command's words, and those that it cannot be without."""
    for name, below in getattr(one, "commands", {}).items():
        yield from commands(below, (*path, name))
    if not hasattr(one, "commands"):
        needed = [WORDS[parameter.name] for parameter in one.params if parameter.required]
        yield " ".join(path), needed


ALL = dict(commands(typer.main.get_command(command_line.app)))
ASKED = sorted(ALL.keys() - APART.keys())


def ended(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """A command, as it is started: its exit code and stdout."""
    monkeypatch.setattr(sys, "argv", ["gaia-budget", *words, "--json"])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return int(end.value.code or 0), capsys.readouterr().out


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without anything, and no client."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.mark.parametrize("command", sorted(ALL))
def test_a_command_line_that_cannot_be_read_is_one_document(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ended([*command.split(), "--no-such-option"], monkeypatch, capsys)
    assert code == command_line.WRONG_USAGE
    error = json.loads(said)["error"]
    assert error["slug"] == "command-line" and "--no-such-option" in error["message"] and error["cure"]


@pytest.mark.parametrize("broken", ["settings.toml", "ledger.db", "registry.json"])
@pytest.mark.parametrize("command", ASKED)
def test_a_broken_file_ends_in_one_document_whatever_is_asked(
    command: str, broken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Either the answer, or the error: never both, never half of one."""
    if broken == "registry.json":
        monkeypatch.setenv("GAIA_ROOT", str(Path.cwd()))
        monkeypatch.setenv("GAIA_BUDGET_HOME", str(places.ensure_home()))
        Path(broken).write_text("{", "utf-8")
    else:
        (places.ensure_home() / broken).write_text("]= this is neither TOML nor a database\n" * 99, "utf-8")
    code, said = ended([*command.split(), *ALL[command]], monkeypatch, capsys)
    document = json.loads(said)
    if "error" in document and set(document) == {"error"}:
        assert code in (1, command_line.WRONG_USAGE) and document["error"]["slug"] in SLUGS - {"fault"}
        assert all(document["error"][name] for name in ("slug", "message", "cure"))
    else:
        assert code in (0, 1)
