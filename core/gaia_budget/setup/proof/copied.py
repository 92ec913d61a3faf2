"""Settings of Claude Code as a trial may load them: what is ours, and what switches things off; nothing that acts.

A trial must neither ask a provider, nor start programs of anybody else, nor take a key along. So of what stands in a
settings file only what is known to do none of that is copied, and values of a kind for which the client drops the whole
file: the trial has to meet those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gaia_budget.jsontext import JsonSyntaxError, parse
from gaia_budget.setup import hookcopy, own_entries, wiring
from gaia_budget.setup.checks.dropped import HANDLERS, KINDS
from gaia_hooks.facts import places

NOTHING = ":"
"""A shell's command that does nothing."""
HARMLESS = frozenset(
    (
        "$schema",
        "effortLevel",
        "hooks",
        "language",
        "model",
        "outputStyle",
        "permissions",
        "statusLine",
        "theme",
    )
)
VARIABLES = (places.OFF, "GAIA_SESSION_TYPE")


def harmless(text: str) -> Any:
    """What a trial may load of a settings text; the text itself where it is no JSON, of which nobody runs anything."""
    try:
        content = parse(text).root.plain()
    except JsonSyntaxError:
        return text
    if not isinstance(content, dict):
        return content
    kept = {name: value for name, value in content.items() if _is_harmless(name, value)}
    if isinstance(kept.get("env"), dict):
        kept["env"] = {name: kept["env"][name] for name in VARIABLES if name in kept["env"]}
    if isinstance(kept.get("hooks"), dict):
        kept["hooks"] = {event: _groups(groups) for event, groups in kept["hooks"].items()}
    if isinstance(kept.get("statusLine"), dict):
        kept["statusLine"] = _quiet_line(kept["statusLine"])
    return kept


def _is_harmless(name: str, value: Any) -> bool:
    """Whether a setting can be loaded: a switch or a number can, of any name; a text may be a program, an address."""
    if name in HARMLESS or name == "env" or value is None or isinstance(value, bool | int | float):
        return True
    return name in KINDS and not isinstance(value, KINDS[name][0])


def _groups(groups: Any) -> Any:
    if not isinstance(groups, list):
        return groups
    return [
        group | {"hooks": list(map(_quiet, group["hooks"]))}
        if isinstance(group, dict) and isinstance(group.get("hooks"), list)
        else group
        for group in groups
    ]


def _quiet(handler: Any) -> Any:
    """A hook's handler that does nothing, unless it is to the letter what `init` writes; faults of its form stay."""
    if not isinstance(handler, dict) or is_ours(handler):
        return handler
    quiet = {name: handler[name] for name in ("timeout", "async") if name in handler}
    if not isinstance(handler.get("args") or [], list):
        quiet["args"] = handler["args"]
    kind = handler.get("type")
    needed = HANDLERS.get(kind) if isinstance(kind, str) else None
    if needed is None or (needed and not isinstance(handler.get(needed), str)):
        return quiet | ({"type": kind} if "type" in handler else {})
    return quiet | {"type": "command", "command": NOTHING}


def is_ours(handler: dict[str, Any]) -> bool:
    """Whether a handler starts a copy of our hooks that is unchanged, with the interpreter that it was made for."""
    program = own_entries.our_program(handler) or ""
    copy = hookcopy.copy_of(program)
    return (
        copy is not None
        and program == hookcopy.bootstrap(copy, hookcopy.HOOK_MODULE)
        and handler.get("command") == hookcopy.written_for(copy)
        and hookcopy.is_unchanged(copy)
    )


def _quiet_line(line: dict[str, Any]) -> dict[str, Any]:
    """A status line without the user's own command, which ours may stand around."""
    command = line.get("command")
    if not isinstance(command, str):
        return line
    return line | {"command": _ours_alone(command) or NOTHING}


def _ours_alone(command: str) -> str:
    """Our own part of a status line's command; empty where it is not what `init` writes."""
    copy = hookcopy.copy_of(command)
    if copy is None or not hookcopy.is_unchanged(copy):
        return ""
    plan, theirs = wiring.Wiring(Path(hookcopy.written_for(copy)), copy), own_entries.wrapped_command(command)
    if command != wiring.status_line_command(plan, theirs):
        return ""
    return wiring.status_line_command(plan, None if theirs is None else NOTHING)
