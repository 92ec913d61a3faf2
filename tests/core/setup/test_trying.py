"""`gaia-budget demo` plays a session and leaves nothing; `gaia-budget selftest` tells what does not work here."""

from __future__ import annotations

import getpass
import json
import platform
import tempfile
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.setup.trying import selftest
from gaia_budget.setup.trying.world import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that nobody else uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_demo_shows_each_warning_answer_and_file_with_its_line_and_leaves_nothing(
    home: Path, temporary: Path
) -> None:
    before = sorted(home.rglob("*"))

    ended = CliRunner().invoke(app, ["demo", "--json"])

    assert ended.exit_code == 0, ended.output
    steps = json.loads(ended.stdout)["steps"]
    said = {step["line"]: step["said"] for step in steps}
    warned = "\n".join(step["said"] for step in steps if "hook" in step["line"])
    for share in ("80 %", "95 %", "100 %"):
        assert f"GAIA budget: {share} of this" in warned
    assert json.loads(said["budget_session, by the MCP server"])["limit_tokens"] == 50_000
    assert json.loads(said["the hooks: ~/gaia-budget/logs/shop_runtime.jsonl"])["component"] == "shop"
    assert "budget_load_section" in said["cat CLAUDE.md"]
    assert "today" in steps[-1]["said"]
    assert (sorted(home.rglob("*")), list(temporary.iterdir())) == (before, [])


def test_the_demo_fits_a_terminal_of_80_columns() -> None:
    shown = CliRunner().invoke(app, ["demo"]).stdout

    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "nothing was left behind" in shown


class InProcess(World):
    """A world whose commands run in this process, where the machine's managed settings are the test's."""

    def gaia(self, *words: str, **_: object) -> str:
        return CliRunner().invoke(app, list(words)).stdout


def test_prices_of_an_organisations_own_are_no_fault_of_the_machine(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = InProcess(tmp_path / "world")
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(world.home / ".claude"))
    world.answer("made up", written=41_000, output=900)
    managed = home / "managed" / "managed-settings.json"
    managed.parent.mkdir()
    managed.write_text('{"modelPricing": {"multiplier": 0.5}}')
    half = f"${Decimal(selftest.USD) / 2} at your organisation's own prices"
    assert selftest._counted(world) == f"{selftest.TOKENS:,} tokens, as reckoned by hand; {half}"


def test_the_selftest_finds_this_machine_in_order_and_tells_nothing_private(
    home: Path, temporary: Path
) -> None:
    ended = CliRunner().invoke(app, ["selftest"])

    assert ended.exit_code == 0, ended.output
    assert f"All {len(selftest.LOOKS)} work here" in ended.stdout
    private = {str(home), str(temporary), platform.node(), getpass.getuser()} - {""}
    assert [word for word in private if word in ended.stdout] == []
    assert list(temporary.iterdir()) == []


def test_the_selftest_says_what_is_wrong_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "USD", "0.5")

    ended = CliRunner().invoke(app, ["selftest", "--json"])

    failed = [check for check in json.loads(ended.stdout)["checks"] if not check["ok"]]
    assert (ended.exit_code, [check["name"] for check in failed]) == (1, ["counting"])
    assert "by hand" in failed[0]["detail"]
