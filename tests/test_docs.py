"""README and docs name no command, option or page that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from gaia_budget.cli.app import app

if TYPE_CHECKING:
    import click

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")])
CALL = re.compile(r"(?:`|^    |^)gaia-budget ([a-z][^`\n|]*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#: ]+)(?:#[^)]*)?\)")


def options(command: click.Command) -> set[str]:
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    root = typer.main.get_command(app)
    for found in CALL.finditer(page.read_text("utf-8")):
        command: click.Command = root
        for word in found.group(1).split():
            inside = getattr(command, "commands", {})
            if word in inside:
                command = inside[word]
            elif word.startswith("--") and re.fullmatch(r"--[a-z-]+", word.rstrip(",.")):
                assert word.rstrip(",.") in {*options(command), "--help", "--version"}, found.group(0)
            else:
                assert command is not root, f"{found.group(0)}: no such command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_is_there(page: Path) -> None:
    missing = [name for name in LINK.findall(page.read_text("utf-8")) if not (page.parent / name).exists()]
    assert missing == []


def test_every_test_that_security_names_exists() -> None:
    file, named = Path(), list[tuple[Path, str]]()
    for path, test in re.findall(
        r"`(tests/[\w/.]+)?(?:::(test_\w+))?`", (ROOT / "SECURITY.md").read_text("utf-8")
    ):
        file = ROOT / path if path else file
        assert not path or file.exists(), path
        if test:
            named.append((file, test))
    assert len(named) > 30
    assert not [test for file, test in named if f"def {test}(" not in file.read_text("utf-8")]
    stress = (ROOT / "bench" / "stress.py").read_text("utf-8")
    assert all((ROOT / path).exists() for path in re.findall(r'"(tests/[\w/]+\.py)"', stress))
