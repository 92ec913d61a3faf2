"""What we say of a settings file that Claude Code drops whole is what Claude Code does with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.setup.checks import without_effect
from support.components import requires
from support.scripted_api import reply, text

if TYPE_CHECKING:
    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

DROPPED: list[dict[str, Any]] = [
    {"cleanupPeriodDays": 0},
    {"cleanupPeriodDays": "30"},
    {"permissions": {"defaultMode": "yolo"}},
    {"permissions": []},
    {"permissions": {"allow": "Bash(ls)"}},
    {"env": ["A=1"]},
    {"statusLine": "mine.sh"},
    {"statusLine": {"type": "command"}},
]
DROPPED_HOOKS: list[Any] = [
    [{"type": "command", "command": "x"}],
    {"type": "command", "command": "x"},
    [{"matcher": "Bash"}],
    [{"matcher": {"type": "always"}, "hooks": []}],
    [{"hooks": [{"type": "command"}]}],
    [{"hooks": [{"type": "command", "command": "true", "timeout": "5"}]}],
]
TAKEN_HOOKS = [
    {"type": "command", "command": "true", "timeout": 5, "args": ["x"], "async": True, "noSuchKey": 1},
    {"type": "prompt", "prompt": "x"},
    {"type": "agent", "prompt": "x"},
    {"type": "http", "url": "http://127.0.0.1:9/"},
    {"type": "mcp_tool", "server": "a", "tool": "b"},
]
TAKEN: list[dict[str, Any]] = [
    {},
    {"cleanupPeriodDays": 99999},
    {"permissions": {"defaultMode": "plan", "allow": ["Bash(ls:*)"]}},
    {"env": {"A": "1"}},
    {"statusLine": {"type": "command", "command": "true"}},
    {"noSuchKeyOfTheirs": [1, 2], "model": "haiku", "disableAllHooks": False, "enabledPlugins": {}},
]


def hook_ran(claude: Claude, api: ScriptedApi, content: str) -> bool:
    """Whether a hook beside the values was started by the real client."""
    settings = claude.home / ".claude" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(content)
    api.main(reply(text("done")))
    claude.run("say done", skip_permissions=False)
    trace = claude.home / "trace"
    ran = trace.exists()
    trace.unlink(missing_ok=True)
    return ran


def with_hook(claude: Claude, values: dict[str, Any], more: Any = None) -> str:
    group = {"hooks": [{"type": "command", "command": f"touch '{claude.home / 'trace'}'"}]}
    hooks: dict[str, Any] = {"UserPromptSubmit": [group]}
    if more is not None:
        hooks["PreToolUse"] = more
    return json.dumps({**values, "hooks": hooks}, indent=1)


@pytest.mark.parametrize("values", DROPPED, ids=json.dumps)
def test_a_file_that_we_call_dropped_is_dropped(
    claude: Claude, api: ScriptedApi, values: dict[str, Any]
) -> None:
    content = with_hook(claude, values)
    (found,) = without_effect.refusals(content)
    assert found.key.startswith(next(iter(values))) and found.line > 1
    assert not hook_ran(claude, api, content)


@pytest.mark.parametrize("more", DROPPED_HOOKS, ids=json.dumps)
def test_a_hook_entry_that_we_call_dropped_drops_the_file(
    claude: Claude, api: ScriptedApi, more: Any
) -> None:
    content = with_hook(claude, {}, more)
    (found,) = without_effect.refusals(content)
    assert found.key.startswith("hooks.PreToolUse")
    assert not hook_ran(claude, api, content)


def test_a_comment_drops_the_file(claude: Claude, api: ScriptedApi) -> None:
    content = with_hook(claude, {}).replace("{", "{\n // mine", 1)
    assert [found.line for found in without_effect.refusals(content)] == [2]
    assert not hook_ran(claude, api, content)


@pytest.mark.parametrize("values", TAKEN, ids=json.dumps)
def test_a_file_that_we_find_nothing_in_is_taken(
    claude: Claude, api: ScriptedApi, values: dict[str, Any]
) -> None:
    content = with_hook(claude, values)
    assert without_effect.refusals(content) == []
    assert hook_ran(claude, api, content)


def test_handlers_that_we_find_nothing_in_are_taken(claude: Claude, api: ScriptedApi) -> None:
    content = with_hook(claude, {}, [{"matcher": "Nothing", "hooks": TAKEN_HOOKS}])
    assert without_effect.refusals(content) == []
    assert hook_ran(claude, api, content)
