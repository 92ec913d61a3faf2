"""`init`: first a plan that changes nothing, then its execution; and the way back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places, settings, snapshot
from gaia_budget.configfile import decoded, read_toml, toml_with
from gaia_budget.errors import ConfigError, InputError, InternalError
from gaia_budget.ingest import telemetry
from gaia_budget.setup import (
    hookcopy,
    interpreter,
    mcp_server,
    out_of_git,
    own_entries,
    short_command,
    showing,
    wiring,
)
from gaia_budget.setup.installing import environment
from gaia_budget.setup.journal import FileChange, Journal, content_of, lock, refuse_outrun, write
from gaia_hooks.say.namesake import MCP_JSON as MCP_JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.setup.mcp_server import Registration


class Options(NamedTuple):
    """What the user asked for. Without a project the user's own settings are wired."""

    project: Path | None = None
    gaia_root: Path | None = None
    permissions: bool = True
    status_line: bool = True
    wrap_status_line: bool = True
    telemetry: bool = False


class Plan(NamedTuple):
    """What `apply` will do; files whose content stays the same are not in it."""

    wiring: wiring.Wiring
    changes: list[FileChange]
    settings_toml: FileChange | None
    registration: Registration | None
    command: Path | None
    notices: list[str]

    @property
    def diff(self) -> str:
        """The file changes as a unified diff, then the command that registers the MCP server."""
        return showing.exact(self._files) + self._registered

    @property
    def readable(self) -> str:
        """The same, short enough to be read before one says yes."""
        return showing.readable(self._files, self.wiring.copy) + self._registered

    @property
    def _files(self) -> list[FileChange]:
        return [*self.changes, self.settings_toml] if self.settings_toml else self.changes

    @property
    def _registered(self) -> str:
        return f"+ {mcp_server.add_command(self.registration)}\n" if self.registration is not None else ""

    @property
    def changed(self) -> list[str]:
        """What would be different afterwards, one line each; empty when all stands as it should."""
        files = [change.file for change in self._files]
        files += [] if hookcopy.is_complete(self.wiring.interpreter) else [self.wiring.copy]
        files += [] if self.wiring.telemetry in (None, telemetry.endpoint()) else [telemetry.file()]
        files += [self.command] if self.command else []
        command = [mcp_server.add_command(self.registration)] if self.registration else []
        return [*map(str, files), *command]


def settings_path(project: Path | None) -> Path:
    """The settings file of Claude Code that is wired: the user's, or the project's private one."""
    if project is None:
        return places.claude_config_dir() / "settings.json"
    return project / ".claude" / "settings.local.json"


def plan(options: Options) -> Plan:
    """Work out everything that has to change; write nothing. Raises ConfigError and InputError."""
    chosen = settings.load()
    if options.project is not None and not options.project.is_dir():
        raise InputError(
            f"{options.project} is not a folder: --project wants a project's folder", slug="not-a-folder"
        )
    interpreter.refuse_throwaway_environment()
    environment.folder()  # raises where this Python writes it elsewhere
    if relative := places.relative_config_dir():
        raise InputError(relative, slug="paths-relative")
    client = mcp_server.client_version()
    if not wiring.takes_arguments(client):
        raise InputError(too_old(client or ()), slug="client-too-old")
    wires = wiring.Wiring(
        interpreter.base_interpreter(),
        hookcopy.folder(),
        options.permissions,
        options.status_line,
        options.wrap_status_line,
        wiring.events_known_to(client),
        chosen.has_hard_cap and wiring.knows_on_failure(client),
        telemetry.proposed() if options.telemetry else None,
    )
    refuse_links_out(options.project)
    changes, notices = _settings_changes(options, wires)
    registration, mcp_json, more = _mcp(options)
    if mcp_json is not None:
        changes.append(mcp_json)
    if options.project is not None:
        private = [change.file for change in changes]
        changes += filter(None, [out_of_git.change(options.project, private)])
    command, about = short_command.wanted()
    notices += [*more, *about, *_status_line_notice(changes[0], options)]
    return Plan(
        wires,
        [change for change in changes if change.before != change.after],
        _root_setting(options.gaia_root),
        registration,
        command,
        notices,
    )


def _settings_changes(options: Options, wires: wiring.Wiring) -> tuple[list[FileChange], list[str]]:
    """The change of the settings file, with our telemetry only where the user sends none elsewhere; and what to say."""
    file, wanted, notices = settings_path(options.project), wires.telemetry, list[str]()
    if wanted is not None:
        text, without = decoded(content_of(file) or b"", file), wires._replace(telemetry=None)
        wiring.wired(text, without, file)  # names what is wrong with the file
        foreign = [*own_entries.telemetry_names(os.environ), *own_entries.foreign_telemetry(text)]
        if foreign:
            wires, address = without, f"http://127.0.0.1:{wanted.port}/v1/logs"
            notices.append(
                f"telemetry of your own stays ({', '.join(foreign)}): let your collector forward its logs (OTLP/HTTP, "
                f"JSON) to {address} with the header Authorization: Bearer and the token in {telemetry.file()}"
            )
        else:
            since = "while an MCP server of ours runs, from the next session on"
            notices.append(f"Claude Code's telemetry is received {since}")
    return [edit(file, lambda text: wiring.wired(text, wires, file))], notices


def too_old(client: tuple[int, ...]) -> str:
    """Why a client is not wired."""
    has, wanted = (".".join(map(str, numbers)) for numbers in (client, wiring.ARGUMENTS_SINCE))
    return f"Claude Code {has} would not run our hooks, and nothing would be counted: update it to {wanted} or newer"


def refuse_links_out(project: Path | None) -> None:
    """Raise ConfigError where a file of a project that we write is a link to elsewhere: clones bring links along."""
    if project is None:
        return
    for file in (settings_path(project), project / MCP_JSON):
        real = places.real(file)
        if not real.is_relative_to(places.real(project)):
            raise ConfigError(
                file,
                f"leads to {real}, out of the project; nothing was changed",
                cure="Make it a file of the project",
                slug="config-leads-out",
            )


def edit(file: Path, change: Callable[[str], str]) -> FileChange:
    """What an edit of a file's text would make of its bytes; a missing file is empty text."""
    before = content_of(file)
    text = decoded(before or b"", file)
    after = change(text)
    return FileChange(file, before, before if after == text else after.encode("utf-8"))


def _mcp(options: Options) -> tuple[Registration | None, FileChange | None, list[str]]:
    entry, program = mcp_server.wanted(options.project), mcp_server.client()
    if program is not None:
        return (None if _is_registered(program, entry) else entry), None, []
    if options.project is not None:
        file = options.project / MCP_JSON
        change = edit(file, lambda text: mcp_server.in_mcp_json(text, entry, file))
        notice = f"{file} names programs of this machine: it is not for committing"
        return None, change, [f"Claude Code is not on the PATH, so the MCP server is in .mcp.json; {notice}"]
    return (
        None,
        None,
        ["Claude Code is not on the PATH; once it is, run init again: that adds the MCP server"],
    )


def _is_registered(program: str, entry: Registration) -> bool:
    """Whether we registered exactly this and it is still there; a client that never ran is not started for it."""
    return entry._asdict() in Journal.load().servers and mcp_server.is_registered(program, entry)


def _status_line_notice(change: FileChange, options: Options) -> list[str]:
    if not options.status_line or change.before is None:
        return []
    present = own_entries.status_line_of(decoded(change.before, change.file))
    if present is None or own_entries.is_our_status_line(present):
        return []
    if options.wrap_status_line:
        return ["your own status line stays, ours is printed below it; --undo gives it back as it was"]
    return ["your own status line stays, without ours: leave out --no-wrap-status-line to have both"]


def _root_setting(root: Path | None) -> FileChange | None:
    """The line of settings.toml that keeps `--gaia-root`; the rest of the file stays as it is."""
    if root is None:
        return None
    if not root.is_dir():
        raise InputError(
            f"{root} is not a folder: --gaia-root wants the folder that holds token_budget.json",
            slug="not-a-folder",
        )
    file = places.settings_file()
    if read_toml(file).get("gaia_root") == str(root):
        return None
    before = content_of(file)
    text = decoded(before or b"", file)
    entry = f"gaia_root = {json.dumps(str(root), ensure_ascii=False)}"
    return FileChange(file, before, toml_with(text, "gaia_root", entry).encode("utf-8"))


def apply(work: Plan) -> None:
    """Do what was planned: the copy of the hooks and a trial of it first, the wiring last.

    Raises ConfigError, InputError, LockTimeout; what was wired until then is in the journal.
    """
    places.ensure_home()
    if work.command is not None:
        short_command.make(work.command)
    with lock():
        fault = hookcopy.load_fault(hookcopy.install(work.wiring.interpreter))
        if fault:
            raise InternalError(
                f"the hooks do not load with {work.wiring.interpreter}: {fault}. Nothing was wired",
                slug="hooks-do-not-load",
            )
        if work.settings_toml is not None:
            write(work.settings_toml)
        if work.wiring.telemetry is not None:
            telemetry.keep(work.wiring.telemetry)
        snapshot.write(settings.load())  # the hooks' limits, and the instant before which all is history
        journal = Journal.load()
        for change in work.changes:
            refuse_outrun(change)
            _note(change, journal)
            journal.save()
            write(change)
        if work.registration is not None:
            _register(work.registration, journal)
        hookcopy.prune(_wired_copies(journal))


def _note(change: FileChange, journal: Journal) -> None:
    text, after = (decoded(data or b"", change.file) for data in (change.before, change.after))
    if change.file.name == MCP_JSON or out_of_git.is_list(change.file):
        tools: list[str] = []
    else:
        tools = our_tools(change.file, text, journal)
        present = own_entries.allowed(text)
        tools += [
            rule
            for rule in own_entries.allowed(after)
            if rule in wiring.UNASKED_TOOLS and rule not in present
        ]
    without_us = None if change.before is None else removal(change.file, text, journal).encode("utf-8")
    journal.note(change, without_us, tools)


def our_tools(file: Path, text: str, journal: Journal) -> list[str]:
    """The rules of `permissions.allow` that are ours: those we noted; without notes all, where our hooks are there."""
    noted = journal.tools(file)
    if noted is not None:
        return noted
    return list(wiring.UNASKED_TOOLS) if any(own_entries.our_handlers(text)) else []


def removal(file: Path, text: str, journal: Journal) -> str:
    """A file's text without our entries."""
    if file.name == MCP_JSON:
        return mcp_server.out_of_mcp_json(text, file)
    if out_of_git.is_list(file):
        return out_of_git.without(text)
    if text.strip(own_entries.BLANK):
        own_entries.read(text, file)  # whose words for what cannot be read are the ones that people see
    return wiring.stripped(text, file, our_tools(file, text, journal))


def _register(entry: Registration, journal: Journal) -> None:
    program = mcp_server.client()
    if program is None:
        raise InputError(
            "Claude Code is no longer on the PATH: run init again once it is", slug="client-missing"
        )
    journal.servers = [known for known in journal.servers if not entry.same_place(known)]
    journal.servers.append(entry._asdict())
    journal.save()
    mcp_server.add(program, entry)


def _wired_copies(journal: Journal) -> set[str]:
    """The names of copies that wired settings files start."""
    names = set()
    for name in journal.files:
        file = Path(name)
        if not file.exists() or out_of_git.is_list(file):
            continue
        for _, entry in own_entries.our_handlers(decoded(file.read_bytes(), file)):
            copy = hookcopy.copy_of(own_entries.our_program(entry) or "")
            names |= {copy.name} if copy else set()
    return names
