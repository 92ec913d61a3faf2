"""Whether what was wired works, link by link: Claude Code starts, a hook fires and counts, the status line draws it.

The trial must neither ask a provider, nor start programs of anybody else, nor take a key along. So of what stands in a
settings file only what is known to do none of that is copied, and values of a kind for which the client drops the whole
file: the trial has to meet those.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.configfile import read_text
from gaia_budget.errors import ConfigError
from gaia_budget.jsontext import JsonSyntaxError, parse
from gaia_budget.reports import shown
from gaia_budget.setup import hookcopy, mcp_server, own_entries, wiring
from gaia_budget.setup.checks import client_checks
from gaia_budget.setup.checks.without_effect import HANDLERS, KINDS
from gaia_budget.setup.init import settings_path
from gaia_budget.setup.proof import trial
from gaia_hooks.facts import places as facts

if TYPE_CHECKING:
    from collections.abc import Iterator

ADMINISTERED = ("/Library/Managed Preferences", "com.anthropic.claudecode.plist")
DOCTOR = "gaia-budget doctor"
NOTHING = ":"
"""A shell's command that does nothing."""
HARMLESS = frozenset(("$schema", "effortLevel", "hooks", "language", "model", "outputStyle", "permissions",
                      "statusLine", "theme"))  # fmt: skip
VARIABLES = (facts.OFF, "GAIA_SESSION_TYPE")


class Proof(NamedTuple):
    """What came of it, in words; `ok` is None where nothing was tried."""

    ok: bool | None
    said: str
    cure: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()


def prove(project: Path | None) -> Proof:
    """Let Claude Code run one prompt with the wired settings; at most ten seconds."""
    reason = _obstacle(project)
    if reason:
        return Proof(None, f"not tried: {reason}")
    client = ".".join(map(str, mcp_server.client_version() or ()))
    program = mcp_server.client() or ""
    with tempfile.TemporaryDirectory(prefix="gaia-budget-proof-", ignore_cleanup_errors=True) as folder:
        home = trial.Home(places.real(Path(folder)))
        home.draws = _laid_in(project, home)
        try:
            seen = home.tried(program)
        except OSError as error:
            return Proof(None, f"not tried: Claude Code {client} did not start in a terminal: {error}")
        return _judged(f"Claude Code {client}", seen, home, project or home.project)


def _obstacle(project: Path | None) -> str:
    """Why nothing is tried; empty where it can be."""
    if os.name == "nt":
        return "there is no terminal for a trial on Windows; start `claude` and look at its status line"
    if mcp_server.client() is None:
        return "Claude Code is not on the PATH"
    if sys.platform == "darwin" and list(Path(ADMINISTERED[0]).glob(f"**/{ADMINISTERED[1]}")):
        return "your administrator's settings hold for a trial too, and may lead elsewhere"
    for file in (*places.managed_settings(), settings_path(project)):
        try:
            text = read_text(file)
        except FileNotFoundError:
            continue
        except ConfigError as error:
            return str(error)
        if file != settings_path(project) and _reaches_out(text):
            return (
                f"your administrator's {file} holds for a trial too, and has programs or addresses of its own"
            )
    return ""


def _reaches_out(text: str) -> bool:
    whole = harmless(text)
    return not isinstance(whole, str) and whole != json.loads(text.removeprefix("\ufeff"))


def _laid_in(project: Path | None, home: trial.Home) -> bool:
    """Copy what may be loaded of the wired settings; whether a status line of ours is among it."""
    draws, copies = False, [(settings_path(None), home.config / "settings.json")]
    if project is not None:
        names = (".claude/settings.json", ".claude/settings.local.json")
        copies += [(project / name, home.project / name) for name in names]
    for source, copy in copies:
        try:
            text = read_text(source)
        except FileNotFoundError:
            continue
        content = harmless(text)
        copy.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        if isinstance(content, dict) and content.get("statusLine") is not None:
            draws = own_entries.is_our_status_line(own_entries.status_line_of(text))
    return draws


def _judged(client: str, seen: trial.ProofSeen, home: trial.Home, project: Path) -> Proof:
    if seen.tokens and (seen.drawn or not home.draws):
        where = "ran one prompt against a stand-in on this machine (no model was asked)"
        line = f'the status line drew "{seen.drawn}"' if home.draws else "no status line of ours is wired"
        said = f"{client} {where}: the hook counted {seen.tokens:,} tokens, {line}"
        return Proof(True, said)
    for check in _found(project):
        return Proof(False, f"{_broken(client, seen)}. {check.detail}", check.fix)
    if not seen.asked:
        last = shown.name(" ".join(seen.screen.split())[-200:], 200)
        said = f"not shown: {_broken(client, seen)}; its screen ends with: {last}"
        return Proof(None, said, "start `claude` and look at its status line")
    fault = _fault(home)
    return Proof(False, _broken(client, seen) + (f": {fault}" if fault else ""), DOCTOR)


def _fault(home: trial.Home) -> str:
    """The last line that a hook has written of a fault."""
    try:
        lines = (home.state / "logs" / "gaia-hooks.log").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((shown.name(line, 200) for line in reversed(lines) if line.strip()), "")


def _broken(client: str, seen: trial.ProofSeen) -> str:
    """The first link that was not seen to hold."""
    if not seen.asked:
        return f"{client} sent no prompt within {trial.SECONDS:.0f} s"
    if not seen.fired:
        return f"{client} ran a prompt, and none of our hooks fired"
    if not seen.tokens:
        return f"a hook fired in {client}, and counted nothing"
    return f"the hook counted {seen.tokens:,} tokens in {client}, and the status line did not draw them"


def _found(project: Path) -> Iterator[client_checks.Check]:
    """What is wrong with the files that were tried, by what `doctor` looks at."""
    looks = (client_checks.settings_json_check, client_checks.switched_off_check, client_checks.hook_files_check,
             client_checks.wiring_check)  # fmt: skip
    yield from (check for look in looks for check in look(project) if not check.ok)


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
    if not isinstance(handler, dict):
        return handler
    if not hookcopy.foreign(handler.get("command"), own_entries.our_program(handler) or ""):
        return handler
    quiet = {name: handler[name] for name in ("timeout", "async") if name in handler}
    if not isinstance(handler.get("args") or [], list):
        quiet["args"] = handler["args"]
    kind = handler.get("type")
    needed = HANDLERS.get(kind) if isinstance(kind, str) else None
    if needed is None or (needed and not isinstance(handler.get(needed), str)):
        return quiet | ({"type": kind} if "type" in handler else {})
    return quiet | {"type": "command", "command": NOTHING}


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
