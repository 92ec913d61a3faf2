"""`init --undo`: the bytes that were there before us, or the file without our entries where somebody edited it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from gaia_budget import places
from gaia_budget.configfile import decoded
from gaia_budget.errors import InputError
from gaia_budget.ingest import telemetry
from gaia_budget.setup import hookcopy, mcp_server, out_of_git, short_command, showing
from gaia_budget.setup.checks.noted import PLUGINS
from gaia_budget.setup.init import MCP_JSON, refuse_links_out, removal, settings_path
from gaia_budget.setup.journal import FileChange, Journal, content_of, lock, refuse_outrun, write
from gaia_budget.setup.mcp_server import Registration


class Undoing(NamedTuple):
    """What `apply` will take out: files' changes, MCP entries, and the short command."""

    project: Path | None
    changes: list[FileChange]
    servers: list[Registration]
    link: Path | None

    @property
    def anything(self) -> bool:
        """Whether anything of ours is there."""
        return bool(self.changes or self.servers or self.link)

    @property
    def diff(self) -> str:
        """The file changes as a unified diff."""
        return showing.exact(self.changes)

    @property
    def readable(self) -> str:
        """The same, short enough to be read before one says yes."""
        return showing.readable(self.changes, hookcopy.root())


def plan(project: Path | None) -> Undoing:
    """The way back: the bytes that were there before us, or the file without our entries. Writes nothing.

    Without a project it is the way back of everything: the user's settings, and each project that was ever wired.
    """
    refuse_links_out(project)
    journal = Journal.load()
    changes = []
    for file in _files(project, journal):
        now = content_of(file)
        if now is None:
            continue
        untouched, before = journal.original(file, now)
        changes.append(FileChange(file, now, before if untouched else _left(file, now, journal)))
    changes = [change for change in changes if change.before != change.after]
    return Undoing(project, changes, _servers(project, journal), None if project else short_command.ours())


def _left(file: Path, now: bytes, journal: Journal) -> bytes | None:
    """A file without our entries; None where nothing is left of it, and as far as we know nothing was before us."""
    text = decoded(now, file)
    left, entry = removal(file, text, journal), journal.files.get(str(file))
    was_there = entry is not None and entry["before"] is not None
    return None if left != text and not was_there and left.split() == ["{}"] else left.encode("utf-8")


def _files(project: Path | None, journal: Journal) -> list[Path]:
    if project is not None:
        return [settings_path(project), project / MCP_JSON, *filter(None, [out_of_git.file_of(project)])]
    return list(dict.fromkeys((settings_path(None), *map(Path, journal.files))))


def _servers(project: Path | None, journal: Journal) -> list[Registration]:
    """The MCP entries that are taken out: those we noted, and the one of this place where a state folder was lost."""
    wanted, noted = mcp_server.wanted(project), [Registration(**known) for known in journal.servers]
    if project is not None:
        noted = [known for known in noted if known.same_place(wanted._asdict())]
    program = mcp_server.client()
    if not noted and program is not None and mcp_server.is_known(program, wanted.project):
        return [wanted]
    return noted


def apply(work: Undoing) -> list[str]:
    """Take our entries out, the MCP servers and the short command; returns what the user still has to do."""
    notices: list[str] = []
    places.ensure_home()
    with lock():
        journal = Journal.load()
        for change in work.changes:
            refuse_outrun(change)
            write(change)
            made_folder = journal.files.get(str(change.file), {}).get("made_folder", True)
            if made_folder and change.after is None and not any(change.file.parent.iterdir()):
                change.file.parent.rmdir()
        for file in _files(work.project, journal):
            journal.files.pop(str(file), None)
        notices += _unregister(work.servers, journal)
        journal.save()
        if not journal.files:
            telemetry.file().unlink(missing_ok=True)
            shutil.rmtree(hookcopy.root(), ignore_errors=True)  # the bootstrap of a running session exits 0
    if (
        work.link is not None and short_command.ours() == work.link
    ):  # another may have taken its place meanwhile
        work.link.unlink()
    return [*notices, *_plugin()]


def _unregister(entries: list[Registration], journal: Journal) -> list[str]:
    notices, program = [], mcp_server.client()
    for entry in entries:
        if entry.project and not Path(entry.project).is_dir():
            notices.append(
                f"{entry.project} is gone: its MCP entry stays in Claude Code's own file, without effect"
            )
        elif program is None:
            command = mcp_server.remove_command(entry)
            notices.append(f"Claude Code is not on the PATH; to take out the MCP server: {command}")
            continue
        else:
            mcp_server.remove(program, entry)
        journal.servers = [known for known in journal.servers if not entry.same_place(known)]
    return notices


def _plugin() -> list[str]:
    """What is left where the repository was installed as a plugin, too."""
    try:
        text = (content_of(settings_path(None)) or b"").decode("utf-8", "replace")
    except InputError:
        return []
    return [
        f"the plugin stays: claude plugin uninstall {name}, then claude plugin marketplace remove gaia"
        for name in PLUGINS
        if f'"{name}@' in text
    ]
