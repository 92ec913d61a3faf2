"""The MCP server's entry in Claude Code: through `claude mcp add`, or `.mcp.json` where there is no client.

`~/.claude.json` is the client's own file: we never write it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_budget.setup import jsonedit, own_entries
from gaia_budget.setup.wiring import SERVER

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENT_SECONDS = 60
PASSED_ON = ("GAIA_BUDGET_HOME", "GAIA_ROOT")  # never GAIA_BUDGET_DB: its URL may hold a password


class Registration(NamedTuple):
    """Where the server is registered (`user`, or `local` to a project) and how it is started."""

    scope: str
    project: str
    command: list[str]
    env: dict[str, str]

    def same_place(self, other: dict[str, Any]) -> bool:
        """Whether a stored registration is in the same scope of the same project."""
        return (self.scope, self.project) == (other["scope"], other["project"])


def wanted(project: Path | None) -> Registration:
    """The registration for all projects, or for one."""
    env = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    scope, folder = ("local", str(project)) if project else ("user", "")
    return Registration(scope, folder, places.program("gaia_mcp"), env)


def client() -> str | None:
    """The `claude` program, or None when it is not on the path."""
    return shutil.which("claude")


def client_version() -> tuple[int, ...] | None:
    """The version of the client on the path, such as (2, 1, 330); None where there is none. Raises InputError."""
    program = client()
    shown = _run(program, ["--version"]).stdout if program else ""
    numbers = re.match(r"\d+(?:\.\d+)+", shown)
    return tuple(map(int, numbers.group().split("."))) if numbers else None


def is_registered(program: str, entry: Registration) -> bool:
    """Whether the client still has exactly this entry."""
    shown = _run(program, ["mcp", "get", SERVER], entry.project)
    if shown.returncode:
        return False
    lines = {line.strip() for line in shown.stdout.splitlines()}
    arguments = " ".join(entry.command[1:])
    environment = {f"{name}={value}" for name, value in entry.env.items()}
    return {f"Command: {entry.command[0]}", f"Args: {arguments}", *environment} <= lines and any(
        line.lower().startswith(f"scope: {entry.scope}") for line in lines
    )


def is_known(program: str, project: str = "") -> bool:
    """Whether a client that has run before knows a server of ours, for everything or in a project."""
    ran = (places.claude_config_dir() / ".claude.json", Path.home() / ".claude.json")
    if not any(file.exists() for file in ran):
        return False
    shown = _run(program, ["mcp", "get", SERVER], project)
    return shown.returncode == 0 and "gaia_mcp" in shown.stdout


def add_arguments(entry: Registration) -> list[str]:
    """The arguments of `claude` that register the server."""
    pairs = [word for name, value in entry.env.items() for word in ("-e", f"{name}={value}")]
    return ["mcp", "add", "--scope", entry.scope, SERVER, *pairs, "--", *entry.command]


def add_command(entry: Registration) -> str:
    """The same as a line for people."""
    return _line(add_arguments(entry))


def remove_command(entry: Registration) -> str:
    """The line that takes the server out by hand."""
    return _line(_remove_arguments(entry))


def _remove_arguments(entry: Registration) -> list[str]:
    return ["mcp", "remove", "--scope", entry.scope, SERVER]


def _line(arguments: list[str]) -> str:
    words = ["claude", *arguments]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def add(program: str, entry: Registration) -> None:
    """Register the server, in place of an older entry of ours. Raises InputError."""
    remove(program, entry)
    done = _run(program, add_arguments(entry), entry.project)
    if done.returncode:
        raise InputError(
            f"Claude Code did not take the MCP server: {(done.stderr or done.stdout).strip()}",
            slug="mcp-not-taken",
        )


def remove(program: str, entry: Registration) -> bool:
    """Take the server out of the client's settings; False when it was not there."""
    return _run(program, _remove_arguments(entry), entry.project).returncode == 0


def in_mcp_json(text: str, entry: Registration, file: Path) -> str:
    """The text of a project's `.mcp.json` with the server in it. Raises ConfigError."""
    if not text.strip(own_entries.BLANK):
        text += "{}\n"
    document = own_entries.read(text, file)
    server: dict[str, Any] = {"type": "stdio", "command": entry.command[0], "args": entry.command[1:]}
    if entry.env:
        server["env"] = entry.env
    present = jsonedit.node_at(document, ("mcpServers", SERVER))
    if present is None:
        return jsonedit.insert(text, ("mcpServers", SERVER), server)
    return text if present.plain() == server else jsonedit.replace(text, ("mcpServers", SERVER), server)


def out_of_mcp_json(text: str, file: Path) -> str:
    """The text of a project's `.mcp.json` without the server."""
    if not text.strip(own_entries.BLANK):
        return text
    document = own_entries.read(text, file)
    if jsonedit.node_at(document, ("mcpServers", SERVER)) is None:
        return text
    return jsonedit.remove(text, ("mcpServers", SERVER))


def _run(program: str, arguments: Sequence[str], project: str = "") -> subprocess.CompletedProcess[str]:
    """Ask the client; it writes its own settings itself."""
    try:
        return subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=CLIENT_SECONDS,
            stdin=subprocess.DEVNULL,
            cwd=project or None,
            env={**os.environ, "GAIA_BUDGET_OFF": "1"},  # the client fires our hooks for these commands too
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(
            f"{program} could not be asked about MCP servers: {error}", slug="mcp-not-taken"
        ) from error
