"""What each tool still answers, and says, where settings, budget, ledger or state are broken, locked or too new."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.ledger import Ledger
from gaia_budget.settings import load

from .test_tools import ask

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_hooks.session import state

pytestmark = pytest.mark.anyio


def break_settings(home: Path) -> None:
    (home / "gaia-budget" / "settings.toml").write_text("timezone = 3\n", encoding="utf-8")


def break_ledger(home: Path) -> None:
    (home / "gaia-budget" / "ledger.db").write_bytes(b"no database" * 1000)


def newer_ledger(home: Path) -> None:
    Ledger.open(settings=load()).close()
    connection = sqlite3.connect(home / "gaia-budget" / "ledger.db")
    with connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'of the future', 0)")
    connection.close()


def break_budget(home: Path) -> None:
    (home / "token_budget.json").write_text('{"per_module": [', encoding="utf-8")


def lock_ledger(home: Path) -> sqlite3.Connection:
    Ledger.open(settings=load()).close()
    holder = sqlite3.connect(home / "gaia-budget" / "ledger.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    return holder


@pytest.mark.parametrize(
    ("harm", "said", "silent"),
    [
        (break_settings, "timezone", ()),
        (break_budget, "token_budget.json", ("by",)),
        (break_ledger, "ledger.db", ()),
        (newer_ledger, "upgrade", ("task",)),
        (lock_ledger, "locked", ()),
    ],
)
async def test_each_tool_answers_with_what_it_knows_and_says_what_it_does_not(
    harm: Any,
    said: str,
    silent: tuple[str, ...],
    era: str,
    session: state.State,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(home))
    kept_open = harm(home)
    for tool, arguments, known in (
        ("budget_spend", {}, {"session_tokens": 41_000}),
        ("budget_spend", {"by": "model"}, {}),
        ("budget_recommend", {"task": "jd_parse"}, {"alias": "haiku"}),
        ("budget_session", {}, {"budget_tokens": 41_000}),
        ("budget_sections", {}, {}),
        ("budget_load_section", {"name": "1"}, {"text": "# Shop\n\nThe shop sells things.\n\n"}),
    ):
        _, answer = await ask(era, tool, **arguments)
        assert answer is not None, tool
        assert known.items() <= answer.items()
        if tool in ("budget_spend", "budget_recommend") and not set(silent) & set(arguments):
            assert said in " ".join(answer["notes"]), tool
    if kept_open is not None:
        kept_open.close()


async def test_a_state_of_a_newer_version_is_told(session: state.State, home: Path) -> None:
    file = home / "gaia-budget" / "sessions" / f"{session.session_id}.json"
    file.write_text('{"schema": 99}', encoding="utf-8")
    _, answer = await ask("legacy", "budget_spend")
    assert answer is not None
    assert "NewerState" in answer["notes"][0]
