from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gaia_budget import places, snapshot
from gaia_budget import settings as settings_of_the_user
from gaia_budget.cli.app import app
from gaia_budget.errors import ConfigError, InputError
from gaia_budget.setup import hookcopy, init, interpreter, mcp_server, undo
from gaia_budget.setup.init import Options, settings_path
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from pathlib import Path

ODD_SETTINGS = [
    b"{}",
    b"{}\n",
    b"",
    b"\n\n",
    b"\xef\xbb\xbf{}\r\n",
    b'{"model":"opus","env":{"A":"1"}}',
    b'{\r\n\t"model": "opus",\r\n\t"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say hi"}]}]}\r\n}\r\n',
    b'\xef\xbb\xbf{\n    "permissions": {\n        "allow": [ "Read" ,\n "Edit"]\n    }\n\n\n}',
    '{"statusLine": {"type": "command", "command": "echo ☃ \\u00fc"}, "z": [], "a": {}}   \n\n'.encode(),
    b'{"hooks":{},"permissions":{"allow":[]}}',
    b'{"permissions": {"allow": ["mcp__gaia-budget__budget_spend"], "deny": []}}',
]


@pytest.fixture(autouse=True)
def no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Claude Code on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def snapshot_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wire(options: Options | None = None) -> init.Plan:
    plan = init.plan(options or Options())
    init.apply(plan)
    return plan


def unwire(project: Path | None = None) -> None:
    undo.apply(undo.plan(project))


@pytest.mark.parametrize("content", ODD_SETTINGS)
@pytest.mark.parametrize("wrap", [False, True])
def test_undo_gives_the_file_back_to_the_byte(content: bytes, wrap: bool) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    options = Options(wrap_status_line=wrap)
    wire(options)
    assert file.read_bytes() != content
    assert init.plan(options).changed == []
    unwire()
    assert file.read_bytes() == content


KEYS = st.sampled_from(["model", "env", "theme", "ü", "x y"])
PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    content=st.dictionaries(KEYS, PLAIN, max_size=4),
    indent=st.sampled_from([None, 0, 1, 3, "\t"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    end=st.sampled_from(["", "\n", " \n\n"]),
    runs=st.integers(1, 3),
)
def test_undo_is_byte_identical_for_any_file_after_any_number_of_runs(
    content: dict[str, object], indent: int | str | None, newline: str, mark: str, end: str, runs: int
) -> None:
    text = mark + json.dumps(content, indent=indent, ensure_ascii=False) + end
    before = text.replace("\n", newline).encode()
    file = settings_path(None)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(before)
    for run in range(runs):
        wire(Options(permissions=run % 2 == 0))
    unwire()
    assert file.read_bytes() == before


def test_undo_after_an_edit_takes_out_our_entries_alone() -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{\n "model": "opus"\n}\n')
    wire()
    file.write_text(file.read_text(encoding="utf-8").replace('"opus"', '"sonnet"'), encoding="utf-8")
    unwire()
    assert file.read_bytes() == b'{\n "model": "sonnet"\n}\n'


def test_a_run_after_an_edit_makes_the_edit_what_undo_gives_back() -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"model": "opus"}')
    wire(Options(permissions=False))
    file.write_bytes(file.read_bytes().replace(b"opus", b"sonnet") + b"\n")
    wire()
    unwire()
    assert file.read_bytes() == b'{"model": "sonnet"}\n'


def test_undo_without_our_notes_still_takes_our_entries_out() -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"model": "opus"}')
    wire()
    (places.home() / "setup.json").unlink()
    unwire()
    assert file.read_bytes() == b'{"model": "opus"}'


def test_a_file_and_folder_that_were_not_there_are_gone_again(home: Path) -> None:
    wire()
    assert settings_path(None).exists()
    unwire()
    assert not (home / ".claude").exists()
    assert not hookcopy.root().exists()


def test_a_path_in_our_notes_is_no_backup(home: Path) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"model": "opus"}')
    wire()
    (home / "foreign").write_text('{"model": "of somebody else"}')
    notes = places.home() / "setup.json"
    stored = json.loads(notes.read_bytes())
    stored["files"][str(file)]["before"] = str(home / "foreign")
    notes.write_text(json.dumps(stored))
    unwire()
    assert file.read_bytes() == b'{"model": "opus"}', "our entries are out, and nothing else is in"


def test_undo_where_nothing_was_wired_changes_nothing(home: Path) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"model": "opus"}')
    assert undo.plan(None).changes == []
    unwire()
    assert file.read_bytes() == b'{"model": "opus"}'


def test_a_dry_run_touches_nothing(home: Path, tmp_path: Path) -> None:
    before = snapshot_of(home)
    done = CliRunner().invoke(app, ["init", "--dry-run", "--gaia-root", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["changed"]) == 3
    assert snapshot_of(home) == before


def test_the_second_run_reports_no_change() -> None:
    first = json.loads(CliRunner().invoke(app, ["init", "--yes", "--no-replay", "--json"]).stdout)
    second = json.loads(CliRunner().invoke(app, ["init", "--yes", "--no-replay", "--json"]).stdout)
    assert first["changed"]
    assert (second["changed"], second["diff"]) == ([], "")


def test_without_a_terminal_and_without_yes_it_refuses_and_says_so(home: Path) -> None:
    done = CliRunner().invoke(app, ["init", "--no-replay"])
    assert isinstance(done.exception, InputError)
    assert "--yes" in str(done.exception)
    assert not settings_path(None).exists()


@pytest.mark.parametrize(
    "content", [b"{ // why\n}", b'{"a": 1,}', b"[1]", b"\xff\xfe{\x00}\x00", b'{"hooks": 3}']
)
def test_a_file_we_cannot_edit_safely_is_refused_and_kept(home: Path, content: bytes) -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        init.plan(Options())
    assert caught.value.line == 1
    assert file.read_bytes() == content
    assert not hookcopy.root().exists()


def test_a_file_changed_between_question_and_answer_is_not_overwritten() -> None:
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}")
    plan = init.plan(Options())
    file.write_bytes(b'{"meanwhile": true}')
    with pytest.raises(ConfigError, match="somebody else"):
        init.apply(plan)
    assert file.read_bytes() == b'{"meanwhile": true}'


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither mode bits nor links for everybody")
def test_mode_and_link_of_the_file_stay(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_bytes(b"{}\n")
    real.chmod(0o644)
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    file.symlink_to(real)
    wire()
    assert file.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o644
    unwire()
    assert (file.is_symlink(), real.read_bytes()) == (True, b"{}\n")


def test_a_project_is_wired_in_its_private_settings_and_mcp_json(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    project.mkdir()
    (project / ".mcp.json").write_bytes(b'{"mcpServers": {"other": {"command": "x"}}}\n')
    before = snapshot_of(project)
    plan = wire(Options(project=project))
    assert not settings_path(None).exists()
    servers = json.loads((project / ".mcp.json").read_bytes())["mcpServers"]
    assert set(servers) == {"other", "gaia-budget"}
    assert any("not for committing" in notice for notice in plan.notices)
    unwire(project)
    assert snapshot_of(project) == before
    assert not (project / ".claude").exists()


def test_without_a_client_the_way_to_register_the_server_is_said() -> None:
    assert any(
        "run init again: that adds the MCP server" in notice for notice in init.plan(Options()).notices
    )


def test_the_root_is_kept_in_the_settings_and_the_rest_of_them_too(tmp_path: Path) -> None:
    places.ensure_home()
    places.settings_file().write_bytes('\ufeff# mine\r\n[modules.via]\r\non_exceeded = "block"\r\n'.encode())
    root = tmp_path / "eco 'system'"
    root.mkdir()
    wire(Options(gaia_root=root))
    assert places.gaia_root() == root
    assert b"# mine\r\n[modules.via]\r\n" in places.settings_file().read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    wire(Options(gaia_root=other))
    assert places.gaia_root() == other
    assert places.settings_file().read_text(encoding="utf-8").count("gaia_root") == 1
    with pytest.raises(InputError, match="is not a folder"):
        init.plan(Options(gaia_root=tmp_path / "gone"))


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (".cache/uv/archive-v0/abc/bin/python", "cache folder"),
        (".local/share/pipx/.cache/123/bin/python", "cache folder"),
        ("Library/Caches/uv/environments-v2/x/bin/python", "cache folder"),
        (".local/share/uv/tools/gaia-token-budget/bin/python", None),
        (".local/pipx/venvs/gaia-token-budget/bin/python", None),
        (".pyenv/versions/3.11.7/bin/python", None),
    ],
)
def test_an_interpreter_in_a_throw_away_cache_is_known(home: Path, place: str, reason: str | None) -> None:
    found = interpreter.throwaway(home / place)
    assert (found is None) if reason is None else (reason in str(found))


def test_a_temporary_folder_is_throw_away_unless_our_state_is_in_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("GAIA_BUDGET_HOME", "/somewhere/lasting")
    assert "temporary folder" in str(interpreter.throwaway(tmp_path / "venv/bin/python"))
    monkeypatch.setenv("GAIA_BUDGET_HOME", str(tmp_path / "state"))
    assert interpreter.throwaway(tmp_path / "venv/bin/python") is None


def test_uvs_own_cache_is_known_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    assert "uv's cache" in str(interpreter.throwaway(tmp_path / "uv" / "x" / "python"))


def test_what_is_wired_is_a_real_interpreter_outside_of_any_environment() -> None:
    found = interpreter.base_interpreter()
    assert found.is_absolute()
    assert not (found.parent.parent / "pyvenv.cfg").exists()


def test_a_client_that_would_not_run_our_hooks_is_not_wired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_server, "client_version", lambda: (2, 1, 116))
    with pytest.raises(InputError, match=r"Claude Code 2\.1\.116 .* update it to 2\.1\.139"):
        init.plan(Options())
    assert not settings_path(None).exists()


def test_a_folder_that_each_project_has_apart_is_not_wired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "~/.claude-work")
    with pytest.raises(InputError, match="whole path"):
        init.plan(Options())
    assert not (tmp_path / "~").exists()


def test_a_clock_that_was_ahead_when_we_were_installed_is_put_right(tmp_path: Path) -> None:
    snapshot.write(settings_of_the_user.load())
    path = places.home() / "snapshot.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(stored | {"installed_at": stored["installed_at"] * 2}), encoding="utf-8")
    assert snapshot.write(settings_of_the_user.load())["installed_at"] <= clock.now()
