from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from gaia_budget import places
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.setup import hookcopy, init, mcp_server, undo
from gaia_budget.setup.checks import client_checks
from gaia_budget.setup.checks.doctor import RESCUE, examine
from gaia_budget.setup.init import Options, settings_path
from support import owner_files

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.setup.checks.doctor import Check


@pytest.fixture(autouse=True)
def no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Claude Code on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def wired() -> None:
    init.apply(init.plan(Options()))


def named(name: str, project: Path) -> list[Check]:
    return [check for check in examine(project) if check.name == name]


def test_what_a_report_of_a_fault_needs_stands_first(tmp_path: Path) -> None:
    first = examine(tmp_path)[0]
    assert (first.name, first.ok) == ("program", True)
    assert version("gaia-token-budget") in first.detail and str(places.home()) in first.detail


def test_a_settings_file_that_is_not_there_is_not_said_to_be_in_force(tmp_path: Path) -> None:
    assert [check.detail for check in named("settings.toml", tmp_path)] == [
        "is not there: every setting has its default"
    ]
    places.ensure_home()
    places.settings_file().write_text('timezone = "UTC"\n')
    assert [check.detail for check in named("settings.toml", tmp_path)] == ["is in force"]


def test_nothing_wired_is_said_with_the_way_to_wire(tmp_path: Path) -> None:
    (check,) = named("wiring", tmp_path)
    assert not check.ok
    assert check.fix == "gaia-budget init"


@pytest.mark.usefixtures("wired")
def test_a_fresh_wiring_is_in_order(tmp_path: Path) -> None:
    wrong = [check for check in examine(tmp_path) if not check.ok]
    assert [check.name for check in wrong] == ["MCP server"]
    (enforcement,) = named("enforcement", tmp_path)
    assert RESCUE in enforcement.detail


def test_with_a_hard_cap_hooks_that_fail_refuse_where_the_client_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> tuple[bool, str]:
        (check,) = named("on failure", tmp_path)
        return check.ok, check.detail

    monkeypatch.setattr(mcp_server, "client_version", lambda: (2, 1, 330))
    init.apply(init.plan(Options()))
    assert told()[0]
    assert "lets the call through" in told()[1]
    (places.ensure_home() / "settings.toml").write_text('[modules.shop]\non_exceeded = "block"\n')
    assert not told()[0]
    init.apply(init.plan(Options()))
    assert told()[0]
    assert "refuses the call" in told()[1]
    hooks = json.loads(settings_path(None).read_text(encoding="utf-8"))["hooks"]
    closed = [event for event, groups in hooks.items() if groups[0]["hooks"][0].get("onFailure") == "block"]
    assert sorted(closed) == ["PreToolUse", "UserPromptSubmit"]
    monkeypatch.setattr(mcp_server, "client_version", lambda: (2, 1, 197))
    init.apply(init.plan(Options()))
    assert told()[0]
    assert "your hard cap gives way" in told()[1]


@pytest.mark.usefixtures("wired")
def test_a_client_that_runs_no_arguments_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_server, "client_version", lambda: (2, 1, 138))
    assert "Claude Code 2.1.138 would not run our hooks" in named("wiring", tmp_path)[0].detail
    monkeypatch.setattr(mcp_server, "client_version", lambda: (2, 1, 139))
    assert "would not run" not in named("wiring", tmp_path)[0].detail


def test_a_configuration_folder_without_a_whole_path_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "~/.claude-work")
    (check,) = named("transcripts", tmp_path)
    assert "Write the whole path" in check.detail


def test_sessions_of_the_desktop_app_are_named_with_the_line_that_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "Library" / "Application Support" / "Claude" / "local-agent-mode-sessions"
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("local_1", "local_2"):
        (data / "a" / "b" / name / ".claude").mkdir(parents=True)
    (check,) = named("transcripts", tmp_path)
    assert "2 sessions" in check.detail
    line = check.fix.removeprefix("Add to settings.toml: ")
    (places.ensure_home() / "settings.toml").write_text(line + "\n", encoding="utf-8")
    assert named("transcripts", tmp_path) == []


@pytest.mark.usefixtures("wired")
def test_hooks_that_are_gone_are_found_though_claude_code_never_notices(tmp_path: Path) -> None:
    shutil.rmtree(hookcopy.root())
    (check,) = named("hook files", tmp_path)
    assert not check.ok
    assert "uncounted" in check.detail


@pytest.mark.usefixtures("wired")
def test_hooks_whose_interpreter_is_gone_are_told_with_the_error(tmp_path: Path) -> None:
    wired, gone = hookcopy.written_for(hookcopy.folder()), str(tmp_path / "python-that-was-uninstalled")
    for file in (hookcopy.folder() / hookcopy.MARKER, settings_path(None)):
        file.write_text(file.read_text().replace(json.dumps(wired)[1:-1], json.dumps(gone)[1:-1]))
    (check,) = named("hook files", tmp_path)
    assert not check.ok and f"{gone} does not start" in check.detail


@pytest.mark.usefixtures("wired")
def test_an_event_that_is_no_longer_wired_is_named(tmp_path: Path) -> None:
    file = settings_path(None)
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["hooks"]["Stop"]
    file.write_text(json.dumps(content), encoding="utf-8")
    (check,) = named("wiring", tmp_path)
    assert check.detail.endswith("lacks Stop")


@pytest.mark.parametrize("folder", ["user", "project"])
@pytest.mark.parametrize("content", [{"disableAllHooks": True}, {"env": {"GAIA_BUDGET_OFF": "1"}}])
def test_a_switch_that_turns_hooks_off_is_found_where_it_stands(
    tmp_path: Path, folder: str, content: dict[str, object]
) -> None:
    file = settings_path(None if folder == "user" else tmp_path)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content), encoding="utf-8")
    (check,) = named("switched off", tmp_path)
    assert str(file) in check.detail


@pytest.mark.parametrize("switch", ["disableAllHooks", "allowManagedHooksOnly"])
def test_hooks_that_the_administrator_has_switched_off_are_found(tmp_path: Path, switch: str) -> None:
    file = places.managed_settings()[0]
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({switch: False}), encoding="utf-8")
    assert named("switched off", tmp_path) == []
    file.write_text(json.dumps({switch: True}), encoding="utf-8")
    (check,) = named("switched off", tmp_path)
    assert f"{file} has {switch}" in check.detail and "administers" in check.fix


@pytest.mark.parametrize(
    ("users", "projects", "ok", "said"),
    [
        (True, None, True, "the plugin gaia-budget@gaia starts our hooks"),
        (False, None, False, "has the plugin gaia-budget@gaia disabled"),
        (True, False, False, "has the plugin gaia-budget@gaia disabled"),
        (False, True, True, "the plugin gaia-budget@gaia starts our hooks"),
    ],
)
def test_a_plugin_starts_our_hooks_unless_the_nearest_settings_disable_it(
    tmp_path: Path, users: bool, projects: bool | None, ok: bool, said: str
) -> None:
    for file, enabled in ((settings_path(None), users), (tmp_path / ".claude" / "settings.json", projects)):
        file.parent.mkdir(parents=True, exist_ok=True)
        plugins = {"theirs@x": False} | ({} if enabled is None else {"gaia-budget@gaia": enabled})
        file.write_text(json.dumps({"enabledPlugins": plugins}), "utf-8")
    (check,) = named("wiring", tmp_path)
    assert (check.ok, said in check.detail) == (ok, True)
    assert ok or check.fix == "claude plugin enable gaia-budget@gaia"


def test_a_folder_that_is_not_trusted_is_told_until_it_or_one_above_it_is(tmp_path: Path) -> None:
    project = tmp_path / "work" / "project"
    assert named("trust", project) == []
    for noted, said in ((project, False), (project.parent, True)):
        state = {"projects": {str(noted): {"hasTrustDialogAccepted": said}, "/elsewhere": []}}
        places.claude_config_dir().mkdir(exist_ok=True)
        (places.claude_config_dir() / ".claude.json").write_text(json.dumps(state), "utf-8")
        told = [check.detail for check in named("trust", project)]
        assert told == [] if said else f"{project} is not trusted yet" in told[0]


def test_the_variable_that_turns_us_off_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_OFF", "1")
    assert [check.ok for check in named("switched off", tmp_path)] == [False]


def test_hooks_without_effect_are_explained_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".claude" / "settings.json"
    file.parent.mkdir()
    text = '{"hooks": {"PreToolUse": [\n{"pattern": "Edit", "hooks": [{"type": "command", "command": "exit 1"}]}]}}'
    file.write_text(text, encoding="utf-8")
    (check,) = named("hooks without effect", tmp_path)
    assert f"{file}:2: pattern:" in check.detail
    assert '"matcher": "Edit"' in check.fix
    assert file.read_text(encoding="utf-8") == text


def test_broken_settings_are_named_with_their_place(tmp_path: Path) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_text('{\n  "model": "opus", // mine\n}', encoding="utf-8")
    (check,) = named("claude settings", tmp_path)
    assert f"{file}:2:20" in check.detail


def test_a_wrong_value_in_the_owners_file_is_named_with_line_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner_files.write(tmp_path)
    budget = tmp_path / "token_budget.json"
    budget.write_text(budget.read_text(encoding="utf-8").replace("12.50", "-12.50"), encoding="utf-8")
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    (check,) = named("token_budget.json", tmp_path)
    assert not check.ok
    assert f"{budget}:15:" in check.detail
    assert "per_module.studio.monthly_budget_usd" in check.detail


def test_a_snapshot_that_is_missing_is_said(tmp_path: Path) -> None:
    (check,) = named("prices and limits", tmp_path)
    assert not check.ok
    assert not (places.home() / "snapshot.json").exists()


def foreign_program(folder: Path) -> tuple[Path, Path]:
    """A program in a project, and the file that it leaves where it was started."""
    trace, program = folder / "started", folder / "x.sh"
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    return program, trace


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize("form", ["our name in an argument", "our bootstrap", "our bootstrap, changed"])
def test_a_program_that_only_a_settings_file_names_is_never_started(tmp_path: Path, form: str) -> None:
    program, trace = foreign_program(tmp_path)
    bootstrap = hookcopy.bootstrap(hookcopy.folder(), hookcopy.HOOK_MODULE)
    args = {
        "our name in an argument": [f"gaia_hooks {hookcopy.folder().name}"],
        "our bootstrap": ["-I", "-S", "-c", bootstrap],
        "our bootstrap, changed": ["-I", "-S", "-c", bootstrap.replace("try:", "try:\\n import x", 1)],
    }[form]
    entry = {"type": "command", "command": str(program), "args": args}
    settings = tmp_path / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"hooks": {"Stop": [{"hooks": [entry]}]}}))
    problems = [check.detail for check in named("hook files", tmp_path) if not check.ok]
    assert not trace.exists()
    assert len(problems) == (form != "our name in an argument")
    assert all("not started here" in problem for problem in problems)


@pytest.mark.usefixtures("wired")
def test_a_copy_that_somebody_changed_is_named_and_not_started(tmp_path: Path) -> None:
    trace = tmp_path / "started"
    module = hookcopy.folder() / "gaia_hooks" / "main.py"
    module.write_text(f"open({str(trace)!r}, 'w').close()\n" + module.read_text())
    (check,) = named("hook files", tmp_path)
    assert not check.ok and "is not as it was written" in check.detail
    assert not trace.exists()
    init.apply(init.plan(Options()))
    (check,) = named("hook files", tmp_path)
    assert check.ok and not trace.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{\n "cleanupPeriodDays": 0}',
            "settings.json:2:23: cleanupPeriodDays: must be a whole number of days",
        ),
        (
            '{"permissions": {"defaultMode": "yolo"}}',
            "permissions.defaultMode: must be one of acceptEdits, auto",
        ),
        ('{"hooks": {"Stop": [{"type": "command", "command": "x"}]}}', "hooks.Stop.0: must be a group"),
        ('{\n // mine\n "model": "opus"\n}', "settings.json:2:2: "),
        ('["env"]', "must be an object"),
    ],
)
def test_a_settings_file_that_the_client_drops_whole_is_explained(
    tmp_path: Path, content: str, said: str
) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_text(content)
    (check,) = named("claude settings", tmp_path)
    assert not check.ok and said in check.detail and "drops the whole file" in check.detail
    assert examine(tmp_path)  # no other check stumbles over it


@pytest.mark.parametrize("value", ["1", "[]", '"x"', "null", "true", "1e400", "{}", '{"a": [{}, 1, null]}'])
@pytest.mark.parametrize(
    "key", ["hooks", "permissions", "env", "statusLine", "disableAllHooks", "cleanupPeriodDays"]
)
def test_any_json_value_in_any_place_ends_in_words(tmp_path: Path, key: str, value: str) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    for content in (f'{{"{key}": {value}}}', f'{{"{key}": {{"Stop": {value}, "allow": {value}}}}}'):
        file.write_text(content)
        assert all(isinstance(check.detail, str) for check in client_checks.settings_json_check(tmp_path))
        list(client_checks.wiring_check(tmp_path))
        list(client_checks.switched_off_check(tmp_path))
        list(client_checks.without_effect_check(tmp_path))
        list(client_checks.on_failure_check(tmp_path))
        try:
            undo.plan(None)
        except GaiaBudgetError as error:
            assert "settings.json" in str(error)


@pytest.mark.parametrize("ours", [False, True])
def test_a_server_of_the_project_with_our_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    monkeypatch.setenv("PATH", "")
    project = tmp_path / "clone" / "src"
    project.mkdir(parents=True)
    file = project.parent / ".mcp.json"
    file.write_text('{"mcpServers": {"gaia-budget": {"command": "./evil"}}}')
    if ours:
        noted = {str(file): {"before": None, "after": None, "made_folder": False, "tools": []}}
        journal = places.ensure_home() / "setup.json"
        journal.write_text(json.dumps({"schema": 1, "files": noted, "servers": []}))
    named = [check for check in client_checks.server_check(project) if str(file) in check.detail]
    assert [check.ok for check in named] == ([] if ours else [False])
    file.write_text("{")
    assert not all(check.ok for check in client_checks.server_check(project))
