"""What stands in Claude Code's settings for us: put in by merging, taken out without touching the rest."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.setup import jsonedit, own_entries
from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap
from gaia_hooks.say.events import HANDLERS, SPEAKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
        "args": [*own_entries.OUR_OPTIONS, bootstrap(copy, HOOK_MODULE)],
        "timeout": TIMEOUT_SECONDS.get(event, BACKGROUND_TIMEOUT_SECONDS),
    }
    if event not in WAITED_FOR:
        entry["async"] = True
    if fail_closed and event in LIMITING:
        entry["onFailure"] = "block"
    return entry


def wired(text: str, plan: Wiring, file: Path) -> str:
    """The settings text with our entries in it; unchanged when they all stand there already."""
    if not text.strip(own_entries.BLANK):
        text += "{}\n"
    own_entries.read(text, file)
    for event in plan.events:
        entry = handler(event, plan.interpreter, plan.copy, fail_closed=plan.fail_closed)
        text = _wire_event(text, event, entry)
    text = _without(text, lambda path: path[1] not in plan.events)
    if plan.status_line:
        text = _wire_status_line(text, plan)
    if plan.telemetry and not own_entries.foreign_telemetry(text):
        for name, value in telemetry_env(*plan.telemetry).items():
            if own_entries.plain(text, ("env", name)) is None:
                text = jsonedit.insert(text, ("env", name), value)
            elif own_entries.plain(text, ("env", name)) != value:
                text = jsonedit.replace(text, ("env", name), value)
    if plan.permissions:
        present = own_entries.allowed(text)
        for tool in UNASKED_TOOLS:
            if tool not in present:
                text = jsonedit.insert(text, ("permissions", "allow", -1), tool)
    return text


def stripped(text: str, file: Path, tools: Iterable[str] = UNASKED_TOOLS) -> str:
    """The settings text without our entries; a status line that ours stood around is put back.

    `tools` are the rules of `permissions.allow` that we added: the user may have had one before us.
    """
    if not text.strip(own_entries.BLANK):
        return text
    own_entries.read(text, file)
    before = text
    text = _without(text, lambda path: True)
    status_line = own_entries.plain(text, ("statusLine",))
    if own_entries.is_our_status_line(status_line):
        previous = own_entries.wrapped_command(status_line["command"])
        if previous is None:
            text = jsonedit.remove(text, ("statusLine",))
        else:
            text = jsonedit.replace(text, ("statusLine", "command"), previous)
    if own_entries.is_our_telemetry(own_entries.env_of(text)):
        for name in telemetry_env(0, ""):
            if own_entries.plain(text, ("env", name)) is not None:
                text = jsonedit.remove(text, ("env", name))
        if not own_entries.env_of(text):
            text = jsonedit.remove(text, ("env",))
    rules = own_entries.allowed(text)
    for position in reversed(range(len(rules))):
        if rules[position] in tools:
            text = jsonedit.remove(text, ("permissions", "allow", position))
    if text != before:
        for path in (("permissions", "allow"), ("permissions",), ("hooks",)):
            if own_entries.plain(text, path) in ([], {}):
                text = jsonedit.remove(text, path)
    return text


def telemetry_env(port: int, token: str) -> dict[str, str]:
    """The environment that lets Claude Code tell our receiver of its requests; nothing of prompts is switched on."""
    return {
        own_entries.ENABLED: "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://127.0.0.1:{port}/v1/logs",
        own_entries.OUR_MARK: f"authorization=Bearer {token}",
        "OTEL_LOGS_EXPORT_INTERVAL": "1000",
    }


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
    mine = [(path, found) for path, found in own_entries.our_handlers(text) if path[1] == event]
    for path, _ in reversed(mine[1:]):
        text = _remove_handler(text, path)
    if not mine:
        return jsonedit.insert(text, ("hooks", event, -1), {"hooks": [entry]})
    path, found = mine[0]
    return text if found == entry else jsonedit.replace(text, path, entry)


def _wire_status_line(text: str, plan: Wiring) -> str:
    present = own_entries.plain(text, ("statusLine",))
    if present is None:
        return jsonedit.insert(
            text, ("statusLine",), {"type": "command", "command": status_line_command(plan)}
        )
    if own_entries.is_our_status_line(present):
        wanted = status_line_command(plan, own_entries.wrapped_command(present["command"]))
    elif plan.wrap_status_line and _has_command(present):
        wanted = status_line_command(plan, present["command"])
    else:
        return text
    return text if present["command"] == wanted else jsonedit.replace(text, ("statusLine", "command"), wanted)


def _has_command(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("command"), str) and bool(entry["command"])


def _without(text: str, wanted: Callable[[tuple[str | int, ...]], bool]) -> str:
    for path, _ in reversed(list(own_entries.our_handlers(text))):
        if wanted(path):
            text = _remove_handler(text, path)
    return text


def _remove_handler(text: str, path: tuple[str | int, ...]) -> str:
    """Remove a handler, then its group and its event where nothing else is left in them."""
    text = jsonedit.remove(text, path)
    if not own_entries.plain(text, path[:4]):
        text = jsonedit.remove(text, path[:3])
        if not own_entries.plain(text, path[:2]):
            text = jsonedit.remove(text, path[:2])
    return text
