"""Settings of Claude Code without effect: files that it drops whole, and hooks that enforce nothing.

A file is dropped for one value that its schema does not take: no hook of anybody runs, and under `-p` nothing is said.
The rules are those of the keys that people set and that we depend on, each tried with Claude Code 2.1.330 or 2.1.332
(most of them in `tests/e2e/test_dropped_settings.py`); what no rule names may still be refused. Unknown keys of a hook
are ignored in silence, so a group without `matcher` runs for every tool, and only exit code 2 or a JSON decision blocks
(2.1.197 and 2.1.330).
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path, PureWindowsPath
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
BLOCKING_EVENTS = frozenset(("PreToolUse", "UserPromptSubmit", "Stop", "SubagentStop", "PreCompact"))
PLACEHOLDER = "{{path}}"
UNKNOWN_KEYS = {
    "pattern": "there is no such key, so the group runs for every tool; the tools are named by `matcher`",
    "pathPattern": "there is no such key, so the group runs for every file; the command must look at the path itself",
    "continueOnError": "there is no such key; a hook that fails never stops anything unless it exits 2",
}
EXIT_ONE = re.compile(r"\bexit 1\b")
SCRIPT = re.compile(r"^(?:\S*[/\\])?python[\d.]*(?:\.exe)?\s+(?:-[A-Za-z]\s+)*(?P<script>[^\s\"']+\.py)\b")
# Reads the hook's JSON from stdin, tests the edited file's path, and runs the command where it matches. A command
# that takes the path is run without a shell, so that no file name is ever read as a command.
FILTER = (
    "import json,re,subprocess,sys;"
    'path=json.load(sys.stdin)["tool_input"].get("file_path","").replace("\\\\","/");'
    'words=[word.replace("{{path}}",path) for word in sys.argv[3:]];'
    "matches=re.search(sys.argv[2],path);"
    'sys.exit(subprocess.run(words if sys.argv[1]=="exec" else words[0],shell=sys.argv[1]=="shell").returncode '
    "if matches else 0)"
)


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


class Finding(NamedTuple):
    """One line that does not do what it says."""

    line: int
    key: str
    problem: str


def inert(text: str) -> list[Finding]:
    """What stands in the hooks of a settings text without effect, by line. Raises JsonSyntaxError."""
    document = parse(text)
    return sorted(
        Finding(document.line_column(offset)[0], key, problem) for offset, key, problem in _inert(document)
    )


def _inert(document: JsonText) -> Iterator[tuple[int, str, str]]:
    for path, offset, node in document.nodes():
        if path[:1] != ("hooks",) or len(path) < 3:
            continue
        event, key = str(path[1]), path[-1]
        if isinstance(key, str) and key in UNKNOWN_KEYS and len(path) in (4, 6):
            yield offset, key, UNKNOWN_KEYS[key]
        if key == "command" and len(path) == 6 and isinstance(node.content, str):
            for problem in _command_problems(event, node.content):
                yield offset, key, problem


def _command_problems(event: str, command: str) -> Iterator[str]:
    if PLACEHOLDER in command:
        yield (
            f"{PLACEHOLDER} is not filled in and reaches the command as it stands; "
            "the path comes as JSON on stdin (tool_input.file_path)"
        )
    if event in BLOCKING_EVENTS and EXIT_ONE.search(command):
        yield "exit 1 blocks nothing; exit 2 does, with the reason on stderr"
    script = SCRIPT.match(command)
    if script and event in BLOCKING_EVENTS and not _exists(script["script"]):
        yield f"{script['script']} is not there; Python then exits 2, which blocks every call of this event"


def _exists(script: str) -> bool:
    if not Path(script).is_absolute() and not PureWindowsPath(script).is_absolute():
        return True  # relative to wherever the session runs: not ours to judge
    return Path(script).exists()


def corrected(text: str, interpreter: str) -> str:
    """The `hooks` block as it was meant, as JSON text to copy; the file itself is not touched."""
    node = node_at(parse(text), ("hooks",))
    hooks = node.plain() if node is not None else {}
    mended = {
        event: [_mended_group(event, group, interpreter) for group in groups if isinstance(group, dict)]
        for event, groups in hooks.items()
        if isinstance(groups, list)
    }
    return json.dumps({"hooks": mended}, indent=2, ensure_ascii=False)


def _mended_group(event: str, group: dict[str, Any], interpreter: str) -> dict[str, Any]:
    kept = {key: value for key, value in group.items() if key not in UNKNOWN_KEYS and key != "hooks"}
    if "pattern" in group:
        kept.setdefault("matcher", group["pattern"])
    handlers = [entry for entry in group.get("hooks", []) if isinstance(entry, dict)]
    paths = group.get("pathPattern")
    return kept | {"hooks": [_mended_handler(event, entry, paths, interpreter) for entry in handlers]}


def _mended_handler(event: str, entry: dict[str, Any], paths: str | None, interpreter: str) -> dict[str, Any]:
    kept = {key: value for key, value in entry.items() if key not in UNKNOWN_KEYS}
    command = kept.get("command")
    if not isinstance(command, str) or "args" in kept:
        return kept
    if event in BLOCKING_EVENTS:
        command = re.sub(r"\s*&&\s*exit 1\b", " >&2 && exit 2", command)
        command = EXIT_ONE.sub("exit 2", command)
    if paths is None and PLACEHOLDER not in command:
        return kept | {"command": command}
    words = (
        ["exec", paths or "", *shlex.split(command)]
        if PLACEHOLDER in command
        else ["shell", paths or "", command]
    )
    return kept | {"command": interpreter, "args": ["-c", FILTER, *words]}
