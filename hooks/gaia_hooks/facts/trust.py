"""Whose word an environment variable is: one that the settings of a project set is not the user's.

Claude Code puts the `env` block of a project's settings into everything that it starts: hooks, status line, servers and
shells. A clone could so name another state folder, ledger or session type, or turn us off; and what a program's name
stands for, and to whom a connection goes, is decided by variables of systems and libraries, of which nobody knows all
(PATH, PGHOSTADDR, HTTPS_PROXY, SSL_CERT_FILE, SSLKEYLOGFILE). Each entry of ours therefore begins by forgetting every
variable that a project sets. What the user's own settings or shell set stays, and what steers the client itself.
"""

from gaia_hooks.facts import modules
from gaia_hooks.machine import files, jsonio, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PREFIX = "GAIA_"
PLACES = frozenset(("CLAUDE_CONFIG_DIR", "XDG_DATA_HOME", "HOME", "USERPROFILE", "LOCALAPPDATA"))
CLIENTS = ("CLAUDE", "ANTHROPIC_")  # what steers the client: a fact about it, whoever has set it
OF_SESSIONS = frozenset(
    ("CLAUDECODE", "CLAUDE_PROJECT_DIR")
)  # also where they are empty: a project may say so
_SETTINGS = (".claude/settings.json", ".claude/settings.local.json")
_LONGEST = 4 << 20  # Claude Code takes nothing from a longer one


def forget_project_variables(
    started_from: "Sequence[str]" = (), names: "frozenset[str]" = PLACES
) -> "list[str]":
    """Take out of this process what only a project's settings say; returns the names of what is worth a word.

    `started_from` are folders that the session works in, where this is a shell that may have gone elsewhere; worth a
    word are our own variables and `names`, those of the client among them that are to be taken out as well.
    """
    present = [name for name in system.variables() if name in names or not name.startswith(CLIENTS)]
    said = _set_by_projects(present, started_from)
    named = []
    for name in present:
        if name in said:
            if (name.startswith(PREFIX) or name in names) and system.variable(name):
                named.append(name)
            system.forget(name)
    return sorted(named)


def notice(names: "list[str]") -> str:
    """What a person is told of it."""
    return "the settings of this project set %s, which is not theirs to decide: ignored" % ", ".join(names)


def _set_by_projects(present: "list[str]", started_from: "Sequence[str]") -> "set[str]":
    names: set[str] = set()
    for folder in _projects(started_from):
        found = {name for file in _SETTINGS for name in _variables(files.join(folder, file), present)}
        if found and (
            "HOME" in found or not _is_home(folder)
        ):  # a project that calls itself the home is none
            names.update(found)
    return names


def _is_home(folder: str) -> bool:
    """Whether the `.claude` in a folder is the user's own."""
    return folder in (system.variable("HOME"), system.own_home())


def _projects(started_from: "Sequence[str]") -> "list[str]":
    """The folders whose settings Claude Code may have applied to this process: none outside of a session of its.

    It takes them from where it was started, from that folder's repository and, in a linked worktree, from the main one.
    In a shell the name of the project is the project's own word, so that what lies above is looked at as well.
    """
    named = system.variable("CLAUDE_PROJECT_DIR")
    if not named and OF_SESSIONS.isdisjoint(system.variables()):
        return []
    above = _upwards(system.working_folder())
    if named in above:
        above = above[: above.index(named)]
    for folder in (*started_from, system.variable("OLDPWD")):
        above += [one for one in _upwards(folder) if one not in above]
    found = [*_of_repository(named), *above]
    for folder in above:
        found += [one for one in modules.main_trees(folder) if one not in found]
    return found


def _of_repository(folder: str) -> "list[str]":
    """A folder and those above it, up to its repository; itself alone where it has none."""
    upwards = _upwards(folder)
    for number, one in enumerate(upwards):
        if files.exists(files.join(one, ".git")):
            return [*upwards[: number + 1], *modules.main_trees(one)]
    return upwards[:1]


def _upwards(folder: str) -> "list[str]":
    folders = [folder] if folder else []
    while folders and files.parent(folders[-1]) not in ("", folders[-1]):
        folders.append(files.parent(folders[-1]))
    return folders


def _variables(path: str, present: "list[str]") -> "list[str]":
    """Which variables a settings file sets. Where Claude Code may read it otherwise than we do: all that it names."""
    try:
        data = files.read(path, 0, _LONGEST + 1)
    except OSError:
        return []  # Claude Code takes nothing from a file that it cannot read either
    if len(data) > _LONGEST:
        return []
    utf_16 = data[:2] == b"\xff\xfe"
    text = data.decode("utf-16-le" if utf_16 else "utf-8", "replace")
    if '"env"' not in text and "\\u" not in text:
        return []
    try:
        env: Any = jsonio.loads(text).get("env")
    except (ValueError, AttributeError, RecursionError):  # too deep, a number of too many digits, broken
        plain = _without_escapes(text)
        env = {name: "" for name in present if '"%s"' % name in plain}
    return [name.upper() if system.WINDOWS else name for name in env] if type(env) is dict else []


def _without_escapes(text: str) -> str:
    first, *parts = text.split("\\u")
    plain = [first]
    for part in parts:
        try:
            plain.append(chr(int(part[:4], 16)) + part[4:])
        except ValueError:
            plain.append(part)
    return "".join(plain)
