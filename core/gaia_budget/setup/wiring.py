"""What stands in Claude Code's settings for us: put in by merging, taken out without touching the rest."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.configfile import refuse_doubled
from gaia_budget.errors import ConfigError
from gaia_budget.jsontext import JsonSyntaxError, JsonText, parse
from gaia_budget.setup import jsonedit
from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap
from gaia_hooks.say.events import HANDLERS, SPEAKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from gaia_budget.ingest.telemetry import Endpoint

EVENTS = tuple(HANDLERS)
# An older client stops at each of its starts with a dialog about an event in the settings that it does not know.
NEWER_EVENTS = {"PreModelSwitch": (2, 1, 330)}
# Older clients run the command alone, without its arguments: no hook of ours would ever count anything.
ARGUMENTS_SINCE = (2, 1, 139)
# Where a limit refuses something, a hook that is late or does not start refuses too, in clients that know how.
LIMITING = frozenset(("UserPromptSubmit", "PreToolUse"))
ON_FAILURE_SINCE = (2, 1, 330)
# Claude Code waits for what may answer, and for SessionEnd: 2.1.197 never starts an async one as it exits.
WAITED_FOR = SPEAKING | {"SessionEnd"}
TIMEOUT_SECONDS = {"SessionStart": 5, "UserPromptSubmit": 10, "PreToolUse": 10, "Stop": 10, "SessionEnd": 10}
BACKGROUND_TIMEOUT_SECONDS = 30
LONGEST_PATH = 32_768  # signs, on Windows
BLANK = "\ufeff \t\r\n"  # a file of nothing else counts as empty
OUR_OPTIONS = ["-I", "-S", "-c"]
OUR_PROGRAM = re.compile(
    r"exec\(['\"]try:\\n.*\bimport gaia_hooks\b.*['\"]\)", re.DOTALL
)  # of this version or another
OUR_STATUS_LINE = re.compile(r"[/\\]hook[/\\][^/\\]+[/\\](?:wrapped_)?statusline\.py['\"]?(?: ([0-9a-f]+))?$")
ENABLED, OUR_MARK = "CLAUDE_CODE_ENABLE_TELEMETRY", "OTEL_EXPORTER_OTLP_LOGS_HEADERS"
SERVER = "gaia-budget"
UNASKED_TOOLS = tuple(
    f"mcp__{SERVER}__{tool}"
    for tool in (
        "budget_spend",
        "budget_session",
        "budget_recommend",
        "budget_sections",
        "budget_load_section",
    )
)


class Wiring(NamedTuple):
    """What is to be wired: the interpreter, the copy of the hooks, and what the user agreed to."""

    interpreter: Path
    copy: Path
    permissions: bool = True
    status_line: bool = True
    wrap_status_line: bool = False
    events: tuple[str, ...] = EVENTS
    fail_closed: bool = False
    telemetry: Endpoint | None = None


def events_known_to(client: tuple[int, ...] | None) -> tuple[str, ...]:
    """The events that a client of this version knows; where there is none, those that every client knows."""
    return tuple(event for event in EVENTS if (client or ()) >= NEWER_EVENTS.get(event, ()))


def takes_arguments(client: tuple[int, ...] | None) -> bool:
    """Whether a client of this version runs our hooks at all; where there is none, the next one will."""
    return client is None or client >= ARGUMENTS_SINCE


def knows_on_failure(client: tuple[int, ...] | None) -> bool:
    """Whether a client of this version can take a hook's failure as a refusal."""
    return (client or ()) >= ON_FAILURE_SINCE


def handler(event: str, interpreter: Path, copy: Path, *, fail_closed: bool = False) -> dict[str, Any]:
    """Our handler of one event, in exec form: no shell, no shim, no user's folder on the path."""
    entry: dict[str, Any] = {
        "type": "command",
        "command": str(interpreter),
        "args": [*OUR_OPTIONS, bootstrap(copy, HOOK_MODULE)],
        "timeout": TIMEOUT_SECONDS.get(event, BACKGROUND_TIMEOUT_SECONDS),
    }
    if event not in WAITED_FOR:
        entry["async"] = True
    if fail_closed and event in LIMITING:
        entry["onFailure"] = "block"
    return entry


def read(text: str, file: Path) -> JsonText:
    """Parse a settings file that we may change. Raises ConfigError when we must not touch it."""
    try:
        document = parse(text)
    except JsonSyntaxError as error:
        raise ConfigError(
            file,
            error.problem,
            line=error.line,
            column=error.column,
            cure="Nothing was changed; fix the file and run init again",
            slug="config-syntax",
        ) from None
    refuse_doubled(document, file)
    _check_shape(document, file)
    return document


def _check_shape(document: JsonText, file: Path) -> None:
    shapes: list[tuple[tuple[str, ...], type, str]] = [
        ((), dict, "an object"),
        (("hooks",), dict, "an object"),
        (("permissions",), dict, "an object"),
        (("permissions", "allow"), list, "a list"),
    ]
    hooks = jsonedit.node_at(document, ("hooks",))
    if hooks is not None and isinstance(hooks.content, dict):
        shapes += [(("hooks", event), list, "a list") for event in hooks.content]
    for path, kind, name in shapes:
        node = jsonedit.node_at(document, path)
        if node is not None and not isinstance(node.content, kind):
            line, column = document.line_column(node.start)
            key = ".".join(path) or None
            cure = "Nothing was changed; fix the file and run init again"
            raise ConfigError(file, f"must be {name}", line=line, column=column, key=key, cure=cure)


def wired(text: str, plan: Wiring, file: Path) -> str:
    """The settings text with our entries in it; unchanged when they all stand there already."""
    if not text.strip(BLANK):
        text += "{}\n"
    read(text, file)
    for event in plan.events:
        entry = handler(event, plan.interpreter, plan.copy, fail_closed=plan.fail_closed)
        text = _wire_event(text, event, entry)
    text = _without(text, lambda path: path[1] not in plan.events)
    if plan.status_line:
        text = _wire_status_line(text, plan)
    if plan.telemetry and not foreign_telemetry(text):
        for name, value in telemetry_env(*plan.telemetry).items():
            if _plain(text, ("env", name)) is None:
                text = jsonedit.insert(text, ("env", name), value)
            elif _plain(text, ("env", name)) != value:
                text = jsonedit.replace(text, ("env", name), value)
    if plan.permissions:
        present = allowed(text)
        for tool in UNASKED_TOOLS:
            if tool not in present:
                text = jsonedit.insert(text, ("permissions", "allow", -1), tool)
    return text


def stripped(text: str, file: Path, tools: Iterable[str] = UNASKED_TOOLS) -> str:
    """The settings text without our entries; a status line that ours stood around is put back.

    `tools` are the rules of `permissions.allow` that we added: the user may have had one before us.
    """
    if not text.strip(BLANK):
        return text
    read(text, file)
    before = text
    text = _without(text, lambda path: True)
    status_line = _plain(text, ("statusLine",))
    if is_our_status_line(status_line):
        previous = wrapped_command(status_line["command"])
        if previous is None:
            text = jsonedit.remove(text, ("statusLine",))
        else:
            text = jsonedit.replace(text, ("statusLine", "command"), previous)
    if _is_our_telemetry(_env(text)):
        for name in telemetry_env(0, ""):
            if _plain(text, ("env", name)) is not None:
                text = jsonedit.remove(text, ("env", name))
        if not _env(text):
            text = jsonedit.remove(text, ("env",))
    rules = allowed(text)
    for position in reversed(range(len(rules))):
        if rules[position] in tools:
            text = jsonedit.remove(text, ("permissions", "allow", position))
    if text != before:
        for path in (("permissions", "allow"), ("permissions",), ("hooks",)):
            if _plain(text, path) in ([], {}):
                text = jsonedit.remove(text, path)
    return text


def telemetry_env(port: int, token: str) -> dict[str, str]:
    """The environment that lets Claude Code tell our receiver of its requests; nothing of prompts is switched on."""
    return {
        ENABLED: "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://127.0.0.1:{port}/v1/logs",
        OUR_MARK: f"authorization=Bearer {token}",
        "OTEL_LOGS_EXPORT_INTERVAL": "1000",
    }


def foreign_telemetry(text: str) -> list[str]:
    """The names by which a settings text sends telemetry elsewhere: that is never replaced."""
    env = _env(text)
    if text.strip(BLANK) and _plain(text, ("env",)) not in (None, env):
        return ["env"]  # no object: another check says so
    return [] if _is_our_telemetry(env) else telemetry_names(env)


def telemetry_names(env: Iterable[str]) -> list[str]:
    """The names in an environment that have to do with telemetry."""
    return sorted(name for name in env if name == ENABLED or name.startswith("OTEL_"))


def _is_our_telemetry(env: dict[str, Any]) -> bool:
    return str(env.get(OUR_MARK, "")).startswith("authorization=Bearer gaia-")


def _env(text: str) -> dict[str, Any]:
    found = _plain(text, ("env",)) if text.strip(BLANK) else None
    return found if isinstance(found, dict) else {}


def is_ours(entry: Any) -> bool:
    """Whether a handler has the form that `init` writes, of this version or another; our name alone is not enough."""
    return (
        isinstance(entry, dict) and isinstance(entry.get("command"), str) and our_program(entry) is not None
    )


def our_program(entry: dict[str, Any]) -> str | None:
    """The bootstrap that a handler starts, or None where it starts something else."""
    args = entry.get("args")
    if not isinstance(args, list) or len(args) != len(OUR_OPTIONS) + 1 or args[:-1] != OUR_OPTIONS:
        return None
    return args[-1] if isinstance(args[-1], str) and OUR_PROGRAM.fullmatch(args[-1]) else None


def is_our_status_line(entry: Any) -> bool:
    """Whether a status line setting is ours (its launcher lies in the folder of the copy)."""
    command = entry.get("command") if isinstance(entry, dict) else None
    return isinstance(command, str) and OUR_STATUS_LINE.search(command) is not None


def status_line_of(text: str) -> Any:
    """The status line setting of a settings text, or None. Raises JsonSyntaxError."""
    return _plain(text, ("statusLine",)) if text.strip(BLANK) else None


def allowed(text: str) -> list[Any]:
    """The rules of `permissions.allow`."""
    return list(_plain(text, ("permissions", "allow")) or []) if text.strip(BLANK) else []


def our_handlers(text: str) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Our handlers in a settings text, with their paths."""
    hooks = _plain(text, ("hooks",)) if text.strip(BLANK) else None
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for position, group in enumerate(groups if isinstance(groups, list) else ()):
            handlers = group.get("hooks") if isinstance(group, dict) else None
            for place, entry in enumerate(handlers if isinstance(handlers, list) else ()):
                if is_ours(entry):
                    yield ("hooks", event, position, "hooks", place), entry


def status_line_command(plan: Wiring, previous: str | None = None) -> str:
    """The shell command of our status line; `previous` is the user's own command that it runs first."""
    launcher = plan.copy / ("statusline.py" if previous is None else "wrapped_statusline.py")
    program = short_name(str(plan.interpreter)) if os.name == "nt" else str(plan.interpreter)
    line = " ".join(_quoted(str(word)) for word in (program, "-I", "-S", launcher))
    return line if previous is None else f"{line} {previous.encode().hex()}"


def short_name(program: str) -> str:
    """A program's path without blanks, as Windows keeps one beside it: PowerShell takes a quoted program for a text."""
    if " " not in program:
        return program
    import ctypes

    room = ctypes.create_unicode_buffer(LONGEST_PATH)
    found: int = ctypes.windll.kernel32.GetShortPathNameW(program, room, LONGEST_PATH)  # type: ignore[attr-defined]
    return room.value if found and " " not in room.value else program


def _quoted(word: str) -> str:
    if os.name != "nt":
        return shlex.quote(word)
    word = word.replace("\\", "/")  # Git Bash, PowerShell and cmd all take it
    return f'"{word}"' if " " in word else word


def _wire_event(text: str, event: str, entry: dict[str, Any]) -> str:
    mine = [(path, found) for path, found in our_handlers(text) if path[1] == event]
    for path, _ in reversed(mine[1:]):
        text = _remove_handler(text, path)
    if not mine:
        return jsonedit.insert(text, ("hooks", event, -1), {"hooks": [entry]})
    path, found = mine[0]
    return text if found == entry else jsonedit.replace(text, path, entry)


def _wire_status_line(text: str, plan: Wiring) -> str:
    present = _plain(text, ("statusLine",))
    if present is None:
        return jsonedit.insert(
            text, ("statusLine",), {"type": "command", "command": status_line_command(plan)}
        )
    if is_our_status_line(present):
        wanted = status_line_command(plan, wrapped_command(present["command"]))
    elif plan.wrap_status_line and _has_command(present):
        wanted = status_line_command(plan, present["command"])
    else:
        return text
    return text if present["command"] == wanted else jsonedit.replace(text, ("statusLine", "command"), wanted)


def _has_command(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("command"), str) and bool(entry["command"])


def wrapped_command(command: str) -> str | None:
    """The user's command inside our status line, or None."""
    found = OUR_STATUS_LINE.search(command)
    try:
        return bytes.fromhex(found.group(1)).decode() if found and found.group(1) else None
    except ValueError:  # edited by hand: no command of anybody
        return None


def _without(text: str, wanted: Callable[[tuple[str | int, ...]], bool]) -> str:
    for path, _ in reversed(list(our_handlers(text))):
        if wanted(path):
            text = _remove_handler(text, path)
    return text


def _remove_handler(text: str, path: tuple[str | int, ...]) -> str:
    """Remove a handler, then its group and its event where nothing else is left in them."""
    text = jsonedit.remove(text, path)
    if not _plain(text, path[:4]):
        text = jsonedit.remove(text, path[:3])
        if not _plain(text, path[:2]):
            text = jsonedit.remove(text, path[:2])
    return text


def _plain(text: str, path: tuple[str | int, ...]) -> Any:
    node = jsonedit.node_at(parse(text), path)
    return None if node is None else node.plain()
