"""What people reported of silence and of false figures on other screens: what ours say, address by address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.setup.checks import client_checks
from gaia_hooks import statusline
from gaia_hooks.facts import modules, snapshot
from gaia_hooks.machine import clock
from gaia_hooks.say import events, figures
from gaia_hooks.session import counting
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench

DROPPED = {
    "github.com/anthropics/claude-code/issues/75081 (an object as matcher ends every hook of the file)": (
        "settings.json",
        '{"hooks": {"PreToolUse": [{"matcher": {"type": "always"}, "hooks": []}]}}',
        ":1:39: hooks.PreToolUse.0.matcher: must be a text",
    ),
    "github.com/ruvnet/ruflo/issues/235 (an event's hooks as an object)": (
        "settings.json",
        '{"hooks": {"PostToolUse":\n {"command": "npx x"}}}',
        ":2:2: hooks.PostToolUse: must be a list of groups",
    ),
    "github.com/anthropics/claude-code/issues/2835 (a comma after the last item)": (
        "settings.json",
        '{"permissions": {"allow": [\n"Bash(ls)",\n]}}',
        ":3:1:",
    ),
    "github.com/anthropics/claude-code/issues/7988 (an invalid settings.local.json ends what it holds)": (
        "settings.local.json",
        '{"permissions": ["Bash(ls)"]}',
        ":1:17: permissions: must be an object",
    ),
}


@pytest.mark.parametrize("address", DROPPED)
def test_a_settings_file_that_other_screens_are_silent_about_is_named_with_its_place(
    home: Path, address: str
) -> None:
    name, text, place = DROPPED[address]
    folder = home / "project" / ".claude"
    folder.mkdir(parents=True)
    (folder / name).write_text(text, "utf-8")
    (found,) = client_checks.settings_json_check(home / "project")
    assert not found.ok
    assert f"{folder / name}{place}" in found.detail


NOW = 1_779_120_000
LIMITS: dict[str, tuple[Any, list[str]]] = {
    "github.com/anthropics/claude-code/issues/31820 (900 % of a week, while nothing is throttled)": (
        {"used_percentage": 900, "resets_at": NOW + 400_000}, []),
    "github.com/prime-radiant-inc/agentic-usage-meter/issues/14 (101 %: nothing new was shown)": (
        {"used_percentage": 101, "resets_at": None}, ["5h", "100 %"]),
    "github.com/rchaz/claude-nonstop/issues/11 (one percent was taken for all of it)": (
        {"used_percentage": 1.0, "resets_at": None}, ["5h", "1 %"]),
    "github.com/anthropics/claude-code/issues/27915 (the reset as a text beside a share that is one)": (
        {"used_percentage": 42.3, "resets_at": "2026-03-20T15:00:00Z"}, ["5h", "42 %"]),
    "github.com/Haleclipse/CCometixLine/issues/109 (null for who pays by key)": (
        {"used_percentage": None, "resets_at": None}, []),
    "github.com/ClaudeCodeUsage/ClaudeCodeUsage/pull/24 (5h:100% for hours after the window has begun anew)": (
        {"used_percentage": 100, "resets_at": NOW - 3_600}, ["5h", "begins anew"]),
}  # fmt: skip


@pytest.mark.parametrize("address", LIMITS)
def test_a_window_that_was_told_wrongly_is_shown_as_nothing_or_as_what_it_is(address: str) -> None:
    window, shown = LIMITS[address]
    parts = statusline.told_windows({"five_hour": window}, NOW * clock.MICRO)
    assert [piece.text for part in parts for piece in part] == shown


def test_a_window_that_was_seen_long_ago_and_has_passed_is_not_shown() -> None:
    """github.com/realiti4/claude-swap/issues/376: a reading 45 hours old as the current one, its reset "in 0m"."""
    kept = {"five_hour": {"percent": 19, "resets_at": (NOW - 9_000) * clock.MICRO}, "as_of": 1}
    assert statusline.kept_windows(kept, NOW * clock.MICRO) == []


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("github.com/anthropics/claude-code/issues/44450 (a hook is told the worktree's folder)",
         "-home-dev-project--claude-worktrees-branch"),
        ("github.com/thedotmack/claude-mem/issues/2434 (a folder that the client never makes)", "-never-made"),
    ],
)  # fmt: skip
def test_a_transcript_that_lies_elsewhere_than_hooks_are_told_is_found_and_counted(
    bench: Bench, address: str, folder: str
) -> None:
    bench.run()  # the hooks' prices
    write(bench.project / f"{SESSION}.jsonl", assistant("a", input_tokens=10, output_tokens=5))
    told = bench.claude / "projects" / folder / f"{SESSION}.jsonl"
    home = str(bench.home / "gaia-budget")
    payload = {"session_id": SESSION, "transcript_path": str(told), "cwd": "/home/dev/project"}
    with counting.lock_of(home, SESSION, 5) as lock:
        mine = counting.opened(home, SESSION, lock, snapshot.load(home))
        for event in ("UserPromptSubmit", "Stop"):
            answer = events.handle(mine, payload | {"hook_event_name": event, "prompt": "go on"})
            assert "not counted" not in json.dumps(answer), address
        mine.count(1 << 30)
        mine.settle_all()
        assert figures.SessionFigures(mine).cost_nano == 140_000


def test_worktrees_of_one_repository_are_one_module(tmp_path: Path) -> None:
    """github.com/getagentseal/codeburn/pull/375: `codeburn-feature-a` and `-b` were projects beside `codeburn`."""
    main = tmp_path / "codeburn"
    for name in ("codeburn-feature-a", "codeburn-feature-b"):
        (main / ".git" / "worktrees" / name).mkdir(parents=True)
        (tmp_path / name).mkdir()
        (tmp_path / name / ".git").write_text(f"gitdir: {main}/.git/worktrees/{name}\n")
    found = {
        modules.module_of(str(tmp_path / name), []) for name in ("codeburn-feature-a", "codeburn-feature-b")
    }
    assert found == {"codeburn"} == {modules.module_of(str(main), [])}


@pytest.mark.parametrize(
    ("address", "named", "expected"),
    [
        ("github.com/ccusage/ccusage/issues/360 (another folder was added to the usual one, not put in its place)",
         "", 1),
        ("github.com/ccusage/ccusage/issues/1505 (several installations in one report)", "{home}/.claude-work", 2),
        ("github.com/sirmalloc/ccstatusline/issues/37 (folders by name: work, personal)", "{home}/.claude-*", 3),
    ],
)  # fmt: skip
def test_the_folders_that_count_are_those_that_the_user_names(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, address: str, named: str, expected: int
) -> None:
    for number, folder in enumerate((".claude-new", ".claude", ".claude-work", ".claude-personal")):
        session = f"{number:08d}-0000-4000-8000-000000000000"
        row = assistant(f"m{number}", session=session, output_tokens=1)
        write(bench.home / folder / "projects" / "-p" / f"{session}.jsonl", row)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(bench.home / ".claude-new"))
    if named:
        (bench.home / "gaia-budget").mkdir(exist_ok=True)
        folders = json.dumps([named.format(home=bench.home.as_posix())])
        (bench.home / "gaia-budget" / "settings.toml").write_text(f"claude_config_dirs = {folders}\n")
    bench.run()
    assert bench.total().responses == expected, address
