"""Settings files that Claude Code drops whole: one value that its schema does not take, and no hook of anybody runs.

The client says nothing of it under `-p`. The rules are those of the keys that people set and that we depend on, each
tried with Claude Code 2.1.330 or 2.1.332 (most of them in `tests/e2e/test_dropped_settings.py`); what no rule names may
still be refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.jsontext import JsonSyntaxError, parse
from gaia_budget.setup.jsonedit import node_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.jsontext import JsonText

    Found = Iterator[tuple[tuple[str | int, ...], str]]

MODES = ("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan")
HANDLERS = {"command": "command", "prompt": "", "agent": "prompt", "http": "url", "mcp_tool": ""}
"""The kinds of a hook's handler, and the text that one of a kind cannot be without."""
KINDS: dict[str, tuple[type, str]] = {
    "model": (str, "a text"),
    "disableAllHooks": (bool, "true or false"),
    "enabledPlugins": (dict, 'an object: {"name@marketplace": true}'),
    "apiKeyHelper": (str, "a text: the path of a program"),
}


class Refusal(NamedTuple):
    """A value that the client's schema does not take."""

    line: int
    column: int
    key: str
    problem: str


def refusals(text: str) -> list[Refusal]:
    """Why the client drops a settings text whole, by line; empty where no rule of ours finds a reason."""
    try:
        document = parse(text)
    except JsonSyntaxError as error:
        return [Refusal(error.line, error.column, "", error.problem)]
    content = document.root.plain()
    if not isinstance(content, dict):
        return [Refusal(1, 1, "", "must be an object: {…}")]
    found = [(path, problem) for rule in RULES for path, problem in rule(content)]
    return sorted(
        Refusal(*_place(document, path), ".".join(map(str, path)), problem) for path, problem in found
    )


def _place(document: JsonText, path: tuple[str | int, ...]) -> tuple[int, int]:
    node = node_at(document, path)
    return document.line_column(node.start) if node is not None else (1, 1)


def _days(content: dict[str, Any]) -> Found:
    days = content.get("cleanupPeriodDays")
    if days is not None and (type(days) is not int or days < 1):
        yield (
            ("cleanupPeriodDays",),
            "must be a whole number of days, 1 at least; 99999 keeps transcripts for ever",
        )


def _environment(content: dict[str, Any]) -> Found:
    env = content.get("env")
    if env is not None and not isinstance(env, dict):
        yield ("env",), 'must be an object: {"NAME": "value"}'


def _permissions(content: dict[str, Any]) -> Found:
    permissions = content.get("permissions")
    if permissions is None:
        return
    if not isinstance(permissions, dict):
        yield ("permissions",), 'must be an object: {"allow": […], "deny": […]}'
        return
    for name in ("allow", "deny", "ask"):
        if not isinstance(permissions.get(name) or [], list):
            yield ("permissions", name), 'must be a list of rules: ["Bash(ls:*)"]'
    mode = permissions.get("defaultMode")
    if mode is not None and mode not in MODES:
        yield ("permissions", "defaultMode"), f"must be one of {', '.join(MODES)}"


def _status_line(content: dict[str, Any]) -> Found:
    line = content.get("statusLine")
    if line is None:
        return
    if (
        not isinstance(line, dict)
        or line.get("type") != "command"
        or not isinstance(line.get("command"), str)
    ):
        yield ("statusLine",), 'must be {"type": "command", "command": "…"}'


def _hooks(content: dict[str, Any]) -> Found:
    hooks = content.get("hooks")
    if hooks is None:
        return
    if not isinstance(hooks, dict):
        yield (
            ("hooks",),
            'must be an object: {"PreToolUse": [{"hooks": [{"type": "command", "command": "…"}]}]}',
        )
        return
    for event, groups in hooks.items():
        if not isinstance(groups, list):
            yield ("hooks", event), "must be a list of groups"
            continue
        for position, group in enumerate(groups):
            if not isinstance(group, dict) or not isinstance(group.get("hooks"), list):
                shape = '{"matcher": "…", "hooks": [{"type": "command", "command": "…"}]}'
                yield ("hooks", event, position), f"must be a group: {shape}"
            elif not isinstance(group.get("matcher", ""), str):
                yield ("hooks", event, position, "matcher"), 'must be a text: "Edit|Write", "" for all'
            else:
                for number, handler in enumerate(group["hooks"]):
                    place = ("hooks", event, position, "hooks", number)
                    for path, problem in _handler(handler):
                        yield (*place, *path), problem


def _handler(handler: Any) -> Found:
    kind = handler.get("type") if isinstance(handler, dict) else None
    if not isinstance(kind, str) or kind not in HANDLERS:
        yield (), f'must be {{"type": …}} with one of {", ".join(HANDLERS)}'
        return
    needed = HANDLERS[kind]
    if needed and not isinstance(handler.get(needed), str):
        yield (), f'needs "{needed}": "…", as its type is {kind}'
    seconds = handler.get("timeout")
    if seconds is not None and (type(seconds) not in (int, float) or seconds <= 0):
        yield ("timeout",), "must be a number of seconds above 0"
    if not isinstance(handler.get("args") or [], list):
        yield ("args",), 'must be a list: ["--flag", "value"]'
    if not isinstance(handler.get("async") or False, bool):
        yield ("async",), "must be true or false"


def _kinds(content: dict[str, Any]) -> Found:
    for name, (kind, said) in KINDS.items():
        if content.get(name) is not None and not isinstance(content[name], kind):
            yield (name,), f"must be {said}"


RULES = (_days, _environment, _permissions, _status_line, _hooks, _kinds)
