"""Whatever JSON stands wherever in the files that we read: `doctor` and the way back end in words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gaia_budget import places
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.setup import hookcopy, init, own_entries, undo
from gaia_budget.setup.checks import client_checks, doctor
from gaia_budget.setup.init import Options, settings_path

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("hooks", "Stop", "PreToolUse", "matcher", "type", "command", "args", "timeout", "async", "env", "permissions",
         "allow", "defaultMode", "statusLine", "disableAllHooks", "cleanupPeriodDays", "modelPricing", "mcpServers",
         "gaia-budget", "GAIA_BUDGET_OFF", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "schema", "files", "servers", "before",
         "after", "tools", "scope", "project", "enabledPlugins", "gaia-budget@gaia", "projects",
         "hasTrustDialogAccepted")  # fmt: skip
WORDS = ("", "command", "true", "1", "mcp__gaia-budget__budget_spend", "\ud800", "\x00", "~", "/",
         "x/hook/1/statusline.py", "x/hook/1/wrapped_statusline.py abc",
         "x/hook/1/wrapped_statusline.py ff")  # fmt: skip
ONE = st.none() | st.booleans() | st.sampled_from([0, -1, 1, 2**70, 1e308, 0.5]) | st.sampled_from(WORDS)
VALUES = st.recursive(
    ONE,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(NAMES), below, max_size=4),
    max_leaves=12,
)
CHECKS = (
    client_checks.settings_json_check, client_checks.wiring_check, client_checks.on_failure_check,
    client_checks.hook_files_check, client_checks.switched_off_check, client_checks.without_effect_check,
    doctor.kept_history, doctor.contract_prices, doctor.folders,
    doctor.trust,
)  # fmt: skip
OFTEN = settings(deadline=None, max_examples=int(os.environ.get("GAIA_TEST_VALUES", "60")),
                 suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


@pytest.fixture(autouse=True)
def no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Claude Code on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def put(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), "utf-8")


def ends_in_words(work: Callable[[], Any]) -> bool:
    """Whether it does its work, or says what is wrong; anything else comes out as it is."""
    try:
        work()
    except GaiaBudgetError as error:
        return bool(str(error) and error.slug)
    return True


def on_the_way_back(project: Path) -> bool:
    return all(ends_in_words(lambda one=one: undo.plan(one)) for one in (None, project))  # type: ignore[misc]


@given(value=VALUES)
@OFTEN
def test_any_value_in_settings_files_is_told_by_doctor_and_by_the_way_back(
    tmp_path: Path, value: Any
) -> None:
    for file in (
        settings_path(None),
        settings_path(tmp_path),
        tmp_path / ".mcp.json",
        *places.managed_settings(),
        places.claude_config_dir() / ".claude.json",
    ):
        put(file, value)
    for check in CHECKS:
        assert all(isinstance(found.detail, str) and found.detail for found in check(tmp_path))
    assert on_the_way_back(tmp_path)


@given(value=VALUES, place=st.sampled_from(["a handler", "a group", "an event", "the status line", "a rule"]))
@example(value={"type": []}, place="a handler")
@OFTEN
def test_any_value_beside_what_we_have_wired_is_left_and_told(tmp_path: Path, value: Any, place: str) -> None:
    wired: dict[str, Any] = {
        "hooks": {"Stop": [{"hooks": [OURS]}]},
        "statusLine": {"type": "command", "command": "x"},
    }
    if place == "a handler":
        wired["hooks"]["Stop"][0]["hooks"].append(value)
    elif place == "a group":
        wired["hooks"]["Stop"].append(value)
    elif place == "an event":
        wired["hooks"]["PreToolUse"] = value
    elif place == "the status line":
        wired["statusLine"] = value
    else:
        wired["permissions"] = {"allow": [value]}
    put(settings_path(None), wired)
    for check in CHECKS:
        list(check(tmp_path))
    assert on_the_way_back(tmp_path)


NOTED = st.fixed_dictionaries(
    {"before": st.none() | st.sampled_from(WORDS), "after": st.none() | st.sampled_from(WORDS),
     "made_folder": st.booleans(), "tools": st.lists(st.sampled_from(WORDS), max_size=2)})  # fmt: skip
RECORDS = st.fixed_dictionaries({"files": st.dictionaries(st.sampled_from(WORDS), NOTED, max_size=3)})


@given(value=VALUES | RECORDS)
@example(value={"files": {"\ud800": {"before": None, "after": None, "made_folder": False, "tools": []}}})
@example(value={"servers": [None]})
@OFTEN
def test_any_value_in_our_own_record_of_the_wiring_is_told(tmp_path: Path, value: Any) -> None:
    record = value | {"schema": 1} if isinstance(value, dict) else value
    put(places.ensure_home() / "setup.json", record)
    put(settings_path(None), {})
    assert on_the_way_back(tmp_path)
    assert ends_in_words(lambda: init.plan(Options()))


OURS = {"type": "command", "command": "/usr/bin/python3", "args": [
    *own_entries.OUR_OPTIONS, hookcopy.bootstrap(Path("/nowhere/hook/0.0.0-abc"), hookcopy.HOOK_MODULE)]}  # fmt: skip
