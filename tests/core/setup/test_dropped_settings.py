"""Every settings file that Claude Code drops whole is explained by `doctor`: file, line, what is wrong, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_budget.setup.checks import client_checks, without_effect

if TYPE_CHECKING:
    from pathlib import Path

REPORTED = {
    '{"permissions": {"defaultMode": "yolo"}}': (1, "permissions.defaultMode", "must be one of"),
    '{"cleanupPeriodDays": 0}': (1, "cleanupPeriodDays", "1 at least"),
    '{"env": ["A=1"]}': (1, "env", "must be an object"),
    '{"hooks": {"PreToolUse": [{"type": "command", "command": "x"}]}}': (1, "hooks.PreToolUse.0", "must be a group"),
    '{\n // mine\n "model": "opus"\n}': (2, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("text", REPORTED, ids=range(len(REPORTED)))
def test_a_file_that_the_client_drops_is_explained_with_its_line_and_its_cure(text: str, home: Path) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(text, "utf-8")
    line, key, problem = REPORTED[text]
    (found,) = client_checks.settings_json_check(home / "project")
    assert not found.ok
    assert f"{file}:{line}:" in found.detail
    assert key in found.detail and problem in found.detail
    assert "drops the whole file" in found.detail
    assert f"Fix that line of {file}" in found.fix


HANDLERS = {
    '"true"': ("", 'must be {"type": …}'),
    '{"command": "true"}': ("", 'must be {"type": …}'),
    '{"type": "shell", "command": "true"}': ("", "one of command, prompt"),
    '{"type": "command", "command": 5}': ("", 'needs "command"'),
    '{"type": "agent"}': ("", 'needs "prompt"'),
    '{"type": "http"}': ("", 'needs "url"'),
    '{"type": "command", "command": "true", "timeout": "5"}': (".timeout", "seconds above 0"),
    '{"type": "command", "command": "true", "timeout": 0}': (".timeout", "seconds above 0"),
    '{"type": "command", "command": "true", "args": "x"}': (".args", "a list"),
    '{"type": "command", "command": "true", "async": "yes"}': (".async", "true or false"),
}  # fmt: skip


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_that_the_client_drops_the_file_for_is_named(handler: str) -> None:
    key, problem = HANDLERS[handler]
    (found,) = without_effect.refusals('{"hooks": {"Stop": [{"hooks": [\nHERE]}]}}'.replace("HERE", handler))
    assert (found.line, found.key) == (2, "hooks.Stop.0.hooks.0" + key)
    assert problem in found.problem


@pytest.mark.parametrize(
    "setting",
    ['"model": 5', '"disableAllHooks": "false"', '"enabledPlugins": ["a@b"]', '"apiKeyHelper": {}',
     '"permissions": {"allow": "Bash(ls)"}'],
)  # fmt: skip
def test_a_setting_of_another_kind_is_named(setting: str) -> None:
    (found,) = without_effect.refusals("{" + setting + "}")
    assert setting.startswith(f'"{found.key.partition(".")[0]}"')
