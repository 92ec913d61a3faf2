"""A change of files as people read it, and as programs do: the same diff, short or to the letter."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from gaia_budget.configfile import decoded
from gaia_budget.jsontext import JsonSyntaxError, parse
from gaia_budget.setup import jsonedit, own_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gaia_budget.setup.journal import FileChange

LEGEND = (
    "{names}: one line of Python, the same for every event. It starts the hook's copy in {folder}, and ends in "
    "exit 0 whatever happens. To the letter: the same command with --dry-run --json.\n"
)


def exact(changes: Iterable[FileChange]) -> str:
    """Changes as a unified diff, to the letter."""
    return "".join(_diff(change, lambda text: text) for change in changes)


def readable(changes: Iterable[FileChange], folder: object) -> str:
    """The same with each of our handlers on one line, its long program named, and said once what that does."""
    names: dict[str, str] = {}
    shown = "".join(_diff(change, lambda text: _folded(text, names)) for change in changes)
    used = [name for name in names.values() if name in shown]
    return shown + (LEGEND.format(names=", ".join(used), folder=folder) if used else "")


def _diff(change: FileChange, view: Callable[[str], str]) -> str:
    before, after = (
        view(decoded(data or b"", change.file)).splitlines() for data in (change.before, change.after)
    )
    there = str(change.file) if change.after is not None else "(deleted)"
    here = str(change.file) if change.before is not None else "(new)"
    return "".join(f"{line}\n" for line in difflib.unified_diff(before, after, here, there, lineterm=""))


def _folded(text: str, names: dict[str, str]) -> str:
    """A settings text with our handlers on one line each; any other text as it is."""
    try:
        document, handlers = parse(text), list(own_entries.our_handlers(text))
    except JsonSyntaxError:  # settings.toml, an empty file
        return text
    for path, entry in reversed(handlers):
        node = jsonedit.node_at(document, path)
        assert node is not None, path
        text = text[: node.start] + _one_line(entry, names) + text[node.end :]
    return text


def _one_line(entry: dict[str, Any], names: dict[str, str]) -> str:
    """A handler's JSON, in which a name stands for each program of ours: another program, another name."""
    line = json.dumps(entry, ensure_ascii=False)
    program = own_entries.our_program(entry)
    if program is None:
        return line
    number = len(names) + 1
    name = names.setdefault(program, "<bootstrap>" if number == 1 else f"<bootstrap {number}>")
    return line.replace(json.dumps(program, ensure_ascii=False), name)
