"""Hook settings that enforce nothing: keys Claude Code does not have, exit codes that do not block.

Checked against Claude Code 2.1.197 and 2.1.330: unknown keys are ignored in silence, so a group without
`matcher` runs for every tool; only exit code 2 or a JSON decision blocks.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.jsontext import parse
from gaia_budget.setup.jsonedit import node_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.jsontext import JsonText

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


class Finding(NamedTuple):
    """One line that does not do what it says."""

    line: int
    key: str
    problem: str


def findings(text: str) -> list[Finding]:
    """What stands in the hooks of a settings text without effect, by line. Raises JsonSyntaxError."""
    document = parse(text)
    return sorted(
        Finding(document.line_column(offset)[0], key, problem) for offset, key, problem in _found(document)
    )


def _found(document: JsonText) -> Iterator[tuple[int, str, str]]:
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
        event: [_group(event, group, interpreter) for group in groups if isinstance(group, dict)]
        for event, groups in hooks.items()
        if isinstance(groups, list)
    }
    return json.dumps({"hooks": mended}, indent=2, ensure_ascii=False)


def _group(event: str, group: dict[str, Any], interpreter: str) -> dict[str, Any]:
    kept = {key: value for key, value in group.items() if key not in UNKNOWN_KEYS and key != "hooks"}
    if "pattern" in group:
        kept.setdefault("matcher", group["pattern"])
    handlers = [entry for entry in group.get("hooks", []) if isinstance(entry, dict)]
    paths = group.get("pathPattern")
    return kept | {"hooks": [_handler(event, entry, paths, interpreter) for entry in handlers]}


def _handler(event: str, entry: dict[str, Any], paths: str | None, interpreter: str) -> dict[str, Any]:
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
