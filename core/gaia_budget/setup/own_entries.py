"""What of Claude Code's settings is ours: hooks, status line, telemetry, as this version or another wrote them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gaia_budget.configfile import json_document, refuse_doubled
from gaia_budget.errors import ConfigError
from gaia_budget.jsontext import JsonText, parse
from gaia_budget.setup import jsonedit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CURE = "Nothing was changed; fix the file and run init again"
BLANK = "\ufeff \t\r\n"  # a file of nothing else counts as empty
OUR_OPTIONS = ["-I", "-S", "-c"]
OUR_PROGRAM = re.compile(
    r"exec\(['\"]try:\\n.*\bimport gaia_hooks\b.*['\"]\)", re.DOTALL
)  # of this version or another
OUR_STATUS_LINE = re.compile(r"[/\\]hook[/\\][^/\\]+[/\\](?:wrapped_)?statusline\.py['\"]?(?: ([0-9a-f]+))?$")
ENABLED, OUR_MARK = "CLAUDE_CODE_ENABLE_TELEMETRY", "OTEL_EXPORTER_OTLP_LOGS_HEADERS"


def read(text: str, file: Path) -> JsonText:
    """Parse a settings file that we may change. Raises ConfigError when we must not touch it."""
    document = json_document(file, text, CURE)
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
            raise ConfigError(file, f"must be {name}", line=line, column=column, key=key, cure=CURE)


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
    return plain(text, ("statusLine",)) if text.strip(BLANK) else None


def allowed(text: str) -> list[Any]:
    """The rules of `permissions.allow`."""
    return list(plain(text, ("permissions", "allow")) or []) if text.strip(BLANK) else []


def our_handlers(text: str) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Our handlers in a settings text, with their paths."""
    hooks = plain(text, ("hooks",)) if text.strip(BLANK) else None
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for position, group in enumerate(groups if isinstance(groups, list) else ()):
            handlers = group.get("hooks") if isinstance(group, dict) else None
            for place, entry in enumerate(handlers if isinstance(handlers, list) else ()):
                if is_ours(entry):
                    yield ("hooks", event, position, "hooks", place), entry


def wrapped_command(command: str) -> str | None:
    """The user's command inside our status line, or None."""
    found = OUR_STATUS_LINE.search(command)
    try:
        return bytes.fromhex(found.group(1)).decode() if found and found.group(1) else None
    except ValueError:  # edited by hand: no command of anybody
        return None


def foreign_telemetry(text: str) -> list[str]:
    """The names by which a settings text sends telemetry elsewhere: that is never replaced."""
    env = env_of(text)
    if text.strip(BLANK) and plain(text, ("env",)) not in (None, env):
        return ["env"]  # no object: another check says so
    return [] if is_our_telemetry(env) else telemetry_names(env)


def telemetry_names(env: Iterable[str]) -> list[str]:
    """The names in an environment that have to do with telemetry."""
    return sorted(name for name in env if name == ENABLED or name.startswith("OTEL_"))


def is_our_telemetry(env: dict[str, Any]) -> bool:
    """Whether an environment sends telemetry to our receiver."""
    return str(env.get(OUR_MARK, "")).startswith("authorization=Bearer gaia-")


def env_of(text: str) -> dict[str, Any]:
    """The environment that a settings text sets."""
    found = plain(text, ("env",)) if text.strip(BLANK) else None
    return found if isinstance(found, dict) else {}


def plain(text: str, path: tuple[str | int, ...]) -> Any:
    """The value at a path of a settings text; None where there is none."""
    node = jsonedit.node_at(parse(text), path)
    return None if node is None else node.plain()
