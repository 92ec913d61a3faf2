"""What Claude Code has noted itself and hooks depend on: whether our plugin is on, whether a folder is trusted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.configfile import read_text
from gaia_budget.errors import ConfigError
from gaia_budget.jsontext import JsonSyntaxError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

PLUGINS = ("gaia-budget", "gaia-token-budget")
"""As it is called now, and as it was."""


class Plugin(NamedTuple):
    """Our plugin, as the last settings file that names it has it."""

    name: str
    enabled: bool
    file: Path


def plugin(settings: Iterable[tuple[Path, dict[str, Any]]]) -> Plugin | None:
    """Our plugin in settings files, of which each outweighs those before it; None where none names it."""
    found = None
    for file, content in settings:
        told = content.get("enabledPlugins")
        for name, enabled in told.items() if isinstance(told, dict) else ():
            if name.partition("@")[0] in PLUGINS:
                found = Plugin(name, enabled is not False, file)
    return found


def instead_of_settings(plugin: Plugin | None) -> tuple[bool, str, str]:
    """Who starts hooks where no settings file does: whether anybody, what to say, and the cure."""
    if plugin is None:
        return False, "no settings file starts our hooks: nothing is counted", "gaia-budget init"
    if plugin.enabled:
        return True, f"the plugin {plugin.name} starts our hooks; gaia-budget init adds the status line", ""
    problem = f"{plugin.file} has the plugin {plugin.name} disabled: nothing is counted"
    return False, problem, f"claude plugin enable {plugin.name}"


def is_trusted(project: Path) -> bool | None:
    """Whether Claude Code has been told to trust a folder, or one above it; None where it has noted nothing at all."""
    folder = places.claude_config_dir() if os.environ.get("CLAUDE_CONFIG_DIR") else Path.home()
    try:
        state = parse(read_text(folder / ".claude.json")).root.plain()
    except (OSError, ConfigError, JsonSyntaxError):
        return None
    projects = state.get("projects") if isinstance(state, dict) else None
    if not isinstance(projects, dict):
        return None
    noted = (projects.get(str(one)) for one in (project, *project.parents))
    return any(isinstance(one, dict) and one.get("hasTrustDialogAccepted") is True for one in noted)
