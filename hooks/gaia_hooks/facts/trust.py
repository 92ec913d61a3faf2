"""Whose word an environment variable is: one that the settings of a project set is not the user's.

Claude Code puts the `env` block of a project's settings into everything that it starts: hooks, status line, servers and
shells. A clone could so name another state folder, ledger or session type, or turn us off. Each entry of ours
therefore begins by forgetting such variables; what the user's own settings or shell set stays.
"""

from gaia_hooks.machine import files, jsonio, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PREFIX = "GAIA_"
PLACES = frozenset(("CLAUDE_CONFIG_DIR", "XDG_DATA_HOME", "HOME", "USERPROFILE", "LOCALAPPDATA"))
_SETTINGS = (".claude/settings.json", ".claude/settings.local.json")
_NEEDLE = b'"env"'
_MOST_ABOVE = 64  # folders looked through from the working directory upwards


def forget_project_variables() -> "list[str]":
    """Take out of this process what only a project's settings say; returns the names of what was taken out."""
    names = sorted(name for name in _set_by_projects() if _is_ours(name) and system.variable(name))
    for name in names:
        system.forget(name)
    return names


def notice(names: "list[str]") -> str:
    """What a person is told of it."""
    return "the settings of this project set %s, which is not theirs to decide: ignored" % ", ".join(names)


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) or name in PLACES


def _set_by_projects() -> "set[str]":
    names: set[str] = set()
    for folder in _projects():
        found = {name for file in _SETTINGS for name in _variables(files.join(folder, file))}
        if found and (
            "HOME" in found or not _is_home(folder)
        ):  # a project that calls itself the home is none
            names.update(found)
    return names


def _is_home(folder: str) -> bool:
    """Whether the `.claude` in a folder is the user's own."""
    return folder in (system.variable("HOME"), system.own_home())


def _projects() -> "list[str]":
    """The folders whose settings Claude Code may have applied to this process: none outside of a session of its."""
    named = system.variable("CLAUDE_PROJECT_DIR")
    if named:
        return [named]
    if not system.variable("CLAUDECODE"):
        return []
    folders = [system.working_folder()]
    while len(folders) < _MOST_ABOVE and files.parent(folders[-1]) not in ("", folders[-1]):
        folders.append(files.parent(folders[-1]))
    return [folder for folder in folders if folder]


def _variables(path: str) -> "list[str]":
    try:
        data = files.read(path)
        env: Any = jsonio.loads(data).get("env") if _NEEDLE in data else None
    except (OSError, ValueError, AttributeError, RecursionError):
        return []  # Claude Code takes nothing from a file that it cannot read either
    return [name.upper() if system.WINDOWS else name for name in env] if type(env) is dict else []
