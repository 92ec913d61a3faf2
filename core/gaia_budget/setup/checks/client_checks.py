"""What `doctor` checks on Claude Code's side: its settings, the wired hooks, the MCP server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.configfile import read_text
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.setup import hookcopy, jsonedit, mcp_server, own_entries, wiring
from gaia_budget.setup.checks import noted, without_effect
from gaia_budget.setup.init import MCP_JSON, settings_path, too_old
from gaia_budget.setup.journal import Journal
from gaia_hooks.facts import places as facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ADMINISTERED = ("disableAllHooks", "allowManagedHooksOnly")
"""What an administrator switches hooks off by."""


class Check(NamedTuple):
    """One finding in plain language; `fix` says what to do, and is empty where all is well."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def settings_files(project: Path) -> list[Path]:
    """The settings that Claude Code reads for a session in a project; not all of them need exist."""
    shared = project / ".claude" / "settings.json"
    return list(dict.fromkeys((settings_path(None), shared, settings_path(project))))


def _texts(project: Path) -> Iterator[tuple[Path, str]]:
    return _readable(settings_files(project))


def _readable(listed: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """The settings files that hold something and can be read as JSON."""
    for file in listed:
        try:
            text = read_text(file)
            if text.strip(own_entries.BLANK):
                own_entries.read(text, file)
                yield file, text
        except (OSError, GaiaBudgetError):
            continue  # a missing file is no fault; a broken one is told by `settings_json_check`


def settings_json_check(project: Path) -> Iterator[Check]:
    """Settings that Claude Code cannot read, or drops whole because of one value, count for nothing."""
    for file in settings_files(project):
        try:
            text = read_text(file)
            refused = without_effect.refusals(text) if text.strip(own_entries.BLANK) else []
            if text.strip(own_entries.BLANK) and not refused:
                own_entries.read(text, file)
        except FileNotFoundError:
            continue
        except (OSError, GaiaBudgetError) as error:
            yield Check("claude settings", False, str(error), "Fix it; the whole file may be without effect")
            continue
        for one in refused:
            where = f"{file}:{one.line}:{one.column}: {one.key + ': ' if one.key else ''}{one.problem}"
            problem = f"{where}. Claude Code drops the whole file for it, without a word: no hook in it runs"
            yield Check(
                "claude settings", False, problem, f"Fix that line of {file}; then `gaia-budget doctor`"
            )
        if not refused:
            yield Check("claude settings", True, f"{file} is plain JSON that Claude Code takes")


def wiring_check(project: Path) -> Iterator[Check]:
    """Every event starts the hooks of this version."""
    wired = {file: list(own_entries.our_handlers(text)) for file, text in _texts(project)}
    wired = {file: found for file, found in wired.items() if found}
    client = mcp_server.client_version()
    if not wiring.takes_arguments(client):
        yield Check("wiring", False, too_old(client or ()), "claude update, then gaia-budget init")
    plugin = noted.plugin(
        (file, _plain(text)) for file, text in (*_texts(project), *_readable(places.managed_settings()))
    )
    if not wired:
        yield Check("wiring", *noted.instead_of_settings(plugin))
        return
    for file, found in wired.items():
        init = (
            "gaia-budget init" if file == settings_path(None) else f'gaia-budget init --project "{project}"'
        )
        events, known = {path[1] for path, _ in found}, wiring.events_known_to(client)
        missing = [event for event in known if event not in events]
        if strange := events.difference(known):
            problem = f"{file} has {', '.join(map(str, strange))}, which this Claude Code stops at"
            yield Check("wiring", False, problem, init)
        elif missing:
            yield Check("wiring", False, f"{file} lacks {', '.join(missing)}", init)
        elif any(hookcopy.folder().name not in (own_entries.our_program(entry) or "") for _, entry in found):
            yield Check("wiring", False, f"{file} starts the hooks of another version", init)
        else:
            yield Check("wiring", True, f"{file} starts our hooks for {len(found)} events")
    if len(wired) > 1 or (plugin and plugin.enabled):
        yield Check(
            "wiring", True, "wired more than once: each event still counts once, at the price of two hooks"
        )


def on_failure_check(project: Path) -> Iterator[Check]:
    """What becomes of a tool call or prompt whose hook is late or does not start."""
    from gaia_budget import settings

    try:
        hard = settings.load().has_hard_cap
    except GaiaBudgetError:
        return  # told with the settings themselves
    known = wiring.knows_on_failure(mcp_server.client_version())
    for file, text in _texts(project):
        found = [entry for path, entry in own_entries.our_handlers(text) if path[1] in wiring.LIMITING]
        if not found:
            continue
        closed = all(entry.get("onFailure") == "block" for entry in found)
        if closed != (hard and known):
            wanted = "refuse" if hard and known else "let everything through"
            problem = (
                f"{file}: your settings want hooks that fail to {wanted}, the wiring is of other settings"
            )
            yield Check("on failure", False, problem, "gaia-budget init")
        elif closed:
            detail = "a hook that is late or does not start refuses the call (onFailure: block)"
            yield Check("on failure", True, f"{file}: {detail}")
        else:
            why = "; this Claude Code knows no onFailure, so your hard cap gives way then" if hard else ""
            detail = f"a hook that is late or does not start lets the call through{why}"
            yield Check("on failure", True, f"{file}: {detail}")


def hook_files_check(project: Path) -> Iterator[Check]:
    """The wired interpreter loads the wired copy. Nothing is started that only a settings file names."""
    commands = {
        (entry["command"], own_entries.our_program(entry) or "")
        for _, text in _texts(project)
        for _, entry in own_entries.our_handlers(text)
    }
    for command, program in sorted(commands):
        fault = hookcopy.wired_fault(command, program)
        if fault:
            yield Check("hook files", False, fault, "gaia-budget init")
        else:
            yield Check("hook files", True, f"{command} loads the wired hooks")


def switched_off_check(project: Path) -> Iterator[Check]:
    """What turns hooks off."""
    if facts.off():
        problem = f"{facts.OFF}={os.environ.get(facts.OFF)}: hooks, status line and server do nothing"
        yield Check("switched off", False, problem, f"Unset {facts.OFF}")
    for file, text in _readable(places.managed_settings()):
        if name := next((name for name in ADMINISTERED if _plain(text).get(name) is True), ""):
            problem = f"{file} has {name}: no hook of yours runs, and nothing is counted"
            yield Check(
                "switched off", False, problem, "Ask who administers this machine to wire our hooks there"
            )
    for file, text in _texts(project):
        content = _plain(text)
        if content.get("disableAllHooks") is True:
            fix = f"Remove disableAllHooks from {file}"
            yield Check("switched off", False, f"{file} has disableAllHooks: no hook of anybody runs", fix)
        env = content.get("env")
        if isinstance(env, dict) and facts.off(str(env.get(facts.OFF) or "")):
            own = file == settings_path(None)
            does = (
                "hooks, status line and server do nothing"
                if own
                else "ignored, a project does not decide that"
            )
            yield Check(
                "switched off", not own, f"{file} sets {facts.OFF}: {does}", f"Remove it from env in {file}"
            )


def _plain(text: str) -> dict[str, Any]:
    from gaia_budget.jsontext import parse

    content = parse(text).root.plain()
    return content if isinstance(content, dict) else {}


def without_effect_check(project: Path) -> Iterator[Check]:
    """Hooks of anybody that enforce nothing, line by line, with the block that was meant."""
    for file, text in _texts(project):
        found = without_effect.inert(text)
        if found:
            lines = "\n".join(f"{file}:{finding.line}: {finding.key}: {finding.problem}" for finding in found)
            block = without_effect.corrected(text, _python())
            yield Check(
                "hooks without effect", False, lines, f"What was meant, to copy into {file}:\n{block}"
            )


def _python() -> str:
    from gaia_budget.errors import InputError
    from gaia_budget.setup.interpreter import base_interpreter

    try:
        return str(base_interpreter())
    except InputError:
        return "python" if os.name == "nt" else "python3"


def server_check(project: Path) -> Iterator[Check]:
    """The MCP server is registered and its read-only tools are allowed."""
    yield from _namesake(project)
    program = mcp_server.client()
    if program is None:
        yield Check(
            "MCP server", False, "Claude Code is not on the PATH", "Install it, then: gaia-budget init"
        )
        return
    for folder in (None, project):
        if mcp_server.is_registered(program, mcp_server.wanted(folder)):
            yield Check(
                "MCP server",
                True,
                f"Claude Code has {wiring.SERVER} ({'user' if folder is None else 'local'})",
            )
            break
    else:
        yield Check(
            "MCP server", False, f"Claude Code does not start this {wiring.SERVER}", "gaia-budget init"
        )
    allowed = {rule for _, text in _texts(project) for rule in own_entries.allowed(text)}
    if not allowed.issuperset(wiring.UNASKED_TOOLS) and f"mcp__{wiring.SERVER}" not in allowed:
        yield Check("MCP permissions", True, "every call of our read-only tools will ask", "gaia-budget init")


def _namesake(project: Path) -> Iterator[Check]:
    """A server of the project that calls itself as ours does, and that nobody of ours has written."""
    file = next((one for folder in (project, *project.parents) if (one := folder / MCP_JSON).exists()), None)
    if file is None:
        return
    try:
        named = jsonedit.node_at(own_entries.read(read_text(file), file), ("mcpServers", wiring.SERVER))
        ours = named is None or str(file) in Journal.load().files
    except (OSError, GaiaBudgetError) as error:
        yield Check("MCP server", False, str(error), f"Mend {file}")
        return
    if not ours:
        problem = f"{file} has a server that calls itself {wiring.SERVER} and is none of ours; its tools are refused"
        yield Check("MCP server", False, problem, "Give it another name there")
