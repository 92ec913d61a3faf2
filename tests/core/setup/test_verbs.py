"""`gaia-budget settings` and `gaia-budget session type`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from gaia_budget import places
from gaia_budget.cli.app import app
from gaia_budget.errors import NotFoundError
from gaia_budget.settings.keys import Settings
from gaia_hooks.session import sessions

SESSION = "0c9b1f7e-6f0a-4a53-9d10-000000000001"


def ask(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def session() -> str:
    """A session that hooks have seen."""
    home = str(places.ensure_home())
    sessions.set_type(home, SESSION, "quick_fix", "inferred")
    return SESSION


def test_every_setting_is_printed_with_value_origin_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_BILLING", "plan")
    monkeypatch.setenv("GAIA_BUDGET_DB", "postgresql://me:secret@db.example/ledger")
    rows = {row["key"]: row for row in ask("settings")["settings"]}  # type: ignore[attr-defined]
    assert set(rows) == set(Settings.keys)
    assert all(row["meaning"] for row in rows.values())
    paid = rows["claude_code_billing"]
    assert (paid["value"], paid["origin"]) == ("plan", "GAIA_BUDGET_BILLING")  # by its old name
    assert rows["db"]["value"] == "postgresql://me@db.example/ledger"


def test_the_table_for_people_cuts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = CliRunner().invoke(app, ["settings"], catch_exceptions=False).stdout
    assert all(key in shown for key in Settings.keys)
    assert "…" not in shown


def test_a_type_is_shown_and_set_for_the_running_session(
    session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", session)
    assert ask("session", "type") == {"session": session, "type": "quick_fix", "chosen_by": "inferred"}
    assert ask("session", "type", "architecture")["chosen_by"] == "command"
    assert ask("session", "type")["type"] == "architecture"


def test_an_unknown_session_and_an_unknown_type_are_named(session: str) -> None:
    with pytest.raises(NotFoundError, match="unknown session"):
        ask("session", "type", "--session", "0c9b1f7e-none")
    with pytest.raises(NotFoundError, match="architecture, feature_dev, quick_fix"):
        ask("session", "type", "tiny", "--session", session)


def run_as_model(session: str, wanted: str, policy: str) -> subprocess.CompletedProcess[bytes]:
    """As Claude's Bash tool would: no controlling terminal, `CLAUDECODE` set, stdin full of yes."""
    return subprocess.run(
        [sys.executable, "-m", "gaia_budget", "session", "type", wanted, "--session", session],
        input=b"y\ny\n",
        capture_output=True,
        env={**os.environ, "CLAUDECODE": "1", "GAIA_BUDGET_SESSION_POLICY": policy},
        start_new_session=True,
        check=False,
    )


@pytest.mark.skipif(os.name == "nt", reason="a Windows console cannot be given up by a child process")
@pytest.mark.parametrize(
    ("wanted", "policy", "code"),
    [("architecture", "block", 1), ("architecture", "warn", 0), ("quick_fix", "block", 0)],
)
def test_a_model_cannot_raise_a_hard_limit(session: str, wanted: str, policy: str, code: int) -> None:
    done = run_as_model(session, wanted, policy)
    assert done.returncode == code
    assert ask("session", "type", "--session", session)["type"] == ("quick_fix" if code else wanted)
    assert (b"for a human alone" in done.stderr) == bool(code)
