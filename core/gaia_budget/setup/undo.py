"""`init --undo`: the bytes that were there before us, or the file without our entries where somebody edited it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.configfile import decoded
from gaia_budget.setup import hookcopy, mcp_server
from gaia_budget.setup.init import MCP_JSON, refuse_outrun, removal, settings_path
from gaia_budget.setup.journal import Change, Journal, content_of, lock, write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def plan(project: Path | None) -> list[Change]:
    """The way back: the bytes that were there before us, or the file without our entries. Writes nothing."""
    journal = Journal.load()
    files = [settings_path(project)] + ([project / MCP_JSON] if project is not None else [])
    changes = []
    for file in files:
        now = content_of(file)
        if now is None:
            continue
        untouched, before = journal.original(file, now)
        changes.append(
            Change(
                file, now, before if untouched else removal(file, decoded(now, file), journal).encode("utf-8")
            )
        )
    return [change for change in changes if change.before != change.after]


def apply(project: Path | None, changes: Iterable[Change]) -> list[str]:
    """Take our entries out, and the MCP server; returns what the user still has to do."""
    notices: list[str] = []
    places.ensure_home()
    with lock():
        journal = Journal.load()
        for change in changes:
            refuse_outrun(change)
            write(change)
            made_folder = journal.files.get(str(change.file), {}).get("made_folder")
            if made_folder and change.after is None and not any(change.file.parent.iterdir()):
                change.file.parent.rmdir()
        for file in [settings_path(project)] + ([project / MCP_JSON] if project else []):
            journal.files.pop(str(file), None)
        notices += _unregister(project, journal)
        journal.save()
        if not journal.files:
            shutil.rmtree(hookcopy.root(), ignore_errors=True)  # the bootstrap of a running session exits 0
    return notices


def _unregister(project: Path | None, journal: Journal) -> list[str]:
    entry = mcp_server.wanted(project)
    others = [known for known in journal.servers if not entry.same_place(known)]
    if len(others) == len(journal.servers):
        return []
    program = mcp_server.client()
    if program is None:
        return [
            f"Claude Code is not on the PATH; to take out the MCP server: {mcp_server.remove_command(entry)}"
        ]
    mcp_server.remove(program, entry)
    journal.servers = others
    return []
