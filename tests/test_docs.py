"""README and docs name no command, option or page that is not there."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from gaia_budget.cli.app import app
from support import installer

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


RUN = {
    ("alerts.md", "toml"): "here",
    ("argus-page.md", "python"): "tests/core/seeing/test_argus_page.py",
    ("argus-page.md", "toml"): "here",
    ("hooks.md", "toml"): "here",
    ("mcp.md", "json"): "tests/mcp_server/test_tools.py",
    ("postgresql.md", "sql"): "tests/core/ledger/test_databases.py",
    ("postgresql.md", "toml"): "here",
    ("prices.md", "toml"): "here",
    ("routing.md", "python"): "tests/core/routing/test_docs.py",
    ("routing.md", "toml"): "tests/core/routing/test_docs.py",
    ("raven.md", "toml"): "here",
    **{(f"{app}.md", "python"): "tests/core/middleware/test_docs.py"
       for app in ("argus", "hart-os", "jseeker", "middleware", "mycel", "raven", "via")},
}  # fmt: skip
"""Which test runs a page's blocks of a language; blocks without one are command lines."""
FENCED = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
POSTGRESQL = (ROOT / "docs" / "postgresql.md").read_text("utf-8")
INDENTED_SETTINGS = re.compile(r"(?m)(?:^ +\w+ = .*\n)+")


def blocks(page: Path) -> list[tuple[str, str]]:
    return FENCED.findall(page.read_text("utf-8"))


def test_every_block_of_docs_is_run_by_a_test() -> None:
    found = {(page.name, language) for page in PAGES for language, _ in blocks(page) if language}
    assert found == set(RUN)
    assert [test for test in RUN.values() if test != "here" and not (ROOT / test).is_file()] == []


@pytest.mark.parametrize(
    "text",
    [
        *(text for page, language in RUN if language == "toml" and RUN[page, language] == "here"
          for said, text in blocks(ROOT / "docs" / page) if said == "toml"),
        *INDENTED_SETTINGS.findall(POSTGRESQL),
    ],
)  # fmt: skip
def test_every_settings_block_is_taken_by_what_reads_it(text: str, home: Path) -> None:
    from gaia_budget import settings
    from gaia_budget.alerts import rules
    from gaia_budget.prices import overrides

    keys = tomllib.loads(textwrap.dedent(text))
    if "server" in keys:  # Streamlit's own: it raises for a name that it does not know
        from streamlit import config

        for section, group in keys.items():
            assert [config.get_option(f"{section}.{key}") for key in group]
        return
    name = {"rules": "alerts.toml", "price": "prices.toml"}.get(next(iter(keys)), "settings.toml")
    (home / "gaia-budget").mkdir(exist_ok=True)
    (home / "gaia-budget" / name).write_text(textwrap.dedent(text), "utf-8")
    assert settings.load() and rules.load() is not None and overrides.load() is not None
    if name == "settings.toml":
        assert set(keys) <= settings.load().given
    if name == "prices.toml":
        assert len(overrides.load()) == len(keys["price"])


def test_every_line_of_the_installer_and_of_just_that_is_named_exists() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    install = installer.load()
    recipes = re.findall(r"(?m)^([a-z]+)[^\n]*:$", (ROOT / "justfile").read_text("utf-8"))
    assert set(re.findall(r"`just ([a-z]+)", text)) <= set(recipes)
    lines = re.findall(r"(?:python3|py) install\.py((?: -[^`\n|]*)?)", text)
    assert len(lines) > 20
    for line in lines:
        _, words = install.extras(line.split())
        assert {word for word in words if word.startswith("-")} <= set(
            re.findall(r"--\w[\w-]*", install.__doc__)
        ), line


def test_every_line_for_windows_is_one_that_powershell_5_takes() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "windows.md").read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    lines = re.findall(
        r"`([^`]+)`", "\n".join(row.rpartition("| ")[0] + row.split("|", 2)[2] for row in rows[1:])
    )
    first_hour = re.findall(
        r"(?m)^\| [^|\n]+ \| `[^`\n]+` \| `([^`\n]+)` \|$", (ROOT / "docs/first-hour.md").read_text("utf-8")
    )
    assert len(lines) > 8 and len(first_hour) >= 5
    for line in (*lines, *first_hour):
        assert not re.search(r"&&|\|\||\bexport |^[A-Z_]+=|python3|~/|<<", line), line


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
    stress = (ROOT / "bench" / "stress" / "proofs.py").read_text("utf-8")
    assert all((ROOT / path).exists() for path in re.findall(r'"(tests/[\w/]+\.py)"', stress))
