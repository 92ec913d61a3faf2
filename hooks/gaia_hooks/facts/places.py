"""Where our own state and Claude Code's configuration lie, as the hook path sees it."""

import sys

from gaia_hooks.machine import files, system

OFF = "GAIA_BUDGET_OFF"
HOME = "GAIA_BUDGET_HOME"
CONFIG_DIR = "CLAUDE_CONFIG_DIR"
ANY = "*"  # in a name of a further configuration folder: any part of one folder's name
APPLICATION = "gaia-budget"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def folder(value: str, home: str) -> str:
    """The folder that a person means by a setting's text, the user's home given; empty for a blank one.

    `~` is the home, and a relative name starts there: the folder of whatever project we run in is never meant.
    """
    text = value.strip()
    if text == "~" or text.startswith(("~/", "~\\")):
        return files.join(home, text[2:])
    return text if not text or is_absolute(text) else files.join(home, text)


def is_absolute(path: str) -> bool:
    """Whether a path that is not empty says where it begins."""
    return path[0] in files.SEPARATORS or (system.WINDOWS and path[1:2] == ":")


def user_home(variable: "Callable[[str], str]" = system.variable) -> str:
    """The user's home folder, where Claude Code looks for it as well."""
    names = ("USERPROFILE", "HOME") if system.WINDOWS else ("HOME", "USERPROFILE")
    return variable(names[0]) or variable(names[1]) or system.own_home()


def home(variable: "Callable[[str], str]" = system.variable) -> str:
    """Our state folder: the variable, else the folder that this copy was installed into, else the per-user default.

    `variable` gives an environment variable, or the empty text.
    """
    return folder(variable(HOME), user_home(variable)) or _installed_into() or _default(variable)


def claude_folder(variable: "Callable[[str], str]" = system.variable) -> str:
    """The configuration folder of the Claude Code that runs here.

    The client takes the variable as it stands: `~` in it is a folder of that name (tried with 2.1.332).
    """
    named = variable(CONFIG_DIR)
    return started_in(named, variable) if named.strip() else files.join(user_home(variable), ".claude")


def started_in(path: str, variable: "Callable[[str], str]" = system.variable) -> str:
    """A path as the client means it: a relative one begins in the folder that it was started in."""
    if not path or is_absolute(path):
        return path
    return files.join(variable("CLAUDE_PROJECT_DIR") or system.working_folder(), path)


def _installed_into() -> str:
    """`<home>/hook/<version>/gaia_hooks/facts/places.py` is how `init` installs us."""
    version = files.parent(files.parent(files.parent(__file__)))
    hook = files.parent(version)
    return files.parent(hook) if hook.replace("\\", "/").endswith("/hook") else ""


def _default(variable: "Callable[[str], str]") -> str:
    """The folder that each system keeps for the data of a user's programs."""
    mine = user_home(variable)
    if system.WINDOWS:
        return files.join(variable("LOCALAPPDATA") or files.join(mine, "AppData/Local"), APPLICATION)
    if sys.platform == "darwin":
        return files.join(mine, "Library/Application Support", APPLICATION)
    data = variable("XDG_DATA_HOME").strip()
    return files.join(data if data.startswith("/") else files.join(mine, ".local/share"), APPLICATION)


def redirected(folder: str, interpreter: str) -> bool:
    """Whether the Microsoft Store's Python would write this folder elsewhere: AppData is its own package's then."""
    if "\\windowsapps\\pythonsoftwarefoundation." not in _backslashes(interpreter):
        return False
    within = [
        _backslashes(variable) for variable in map(system.variable, ("LOCALAPPDATA", "APPDATA")) if variable
    ]
    return any(_backslashes(folder).startswith(place.rstrip("\\") + "\\") for place in within)


def _backslashes(path: str) -> str:
    return path.replace("/", "\\").lower()


def off(value: "str | None" = None) -> bool:
    """Whether the user has turned everything off, in any of the usual spellings (`1`, `true`, `yes`, `on`, …)."""
    text = system.variable(OFF) if value is None else value
    return text.strip().lower() not in ("", "0", "false", "no", "off", "n", "f")


def configuration_folders(config_dirs: "list[str]") -> "list[str]":
    """Claude Code's own configuration folder, then the further ones that are set."""
    return [claude_folder(), *config_dirs]


def is_transcript(path: object, config_dirs: "list[str]") -> bool:
    """Whether a path is a transcript inside a Claude Code configuration folder; anything else is never read."""
    if type(path) is not str or not path.endswith(".jsonl"):
        return False
    form = path.replace("\\", "/")
    folders = configuration_folders(config_dirs)
    if "/../" not in form and any(_holds(one, form) for one in folders):
        return True
    import os.path  # a linked folder: rare, so its cost is paid only here

    real = os.path.realpath(path).replace("\\", "/")
    return any(_holds(os.path.realpath(one), real) for one in folders)


def transcripts_of(session_id: str, folders: "list[str]") -> "list[str]":
    """Where a session's transcripts lie below configuration folders: one in each project's folder that it was in."""
    found = []
    for one in folders:
        projects = files.join(one, "projects")
        for name in files.names_in(projects):
            path = files.join(projects, name, session_id + ".jsonl")
            if files.exists(path):
                found.append(path)
    return found


def _holds(folder: str, path: str) -> bool:
    """Whether a path with plain slashes lies below a folder, whose name may hold stars."""
    form = folder.replace("\\", "/").rstrip("/")
    if ANY not in form:
        return path.startswith(form + "/")
    asked, given = form.split("/"), path.split("/")
    return len(given) > len(asked) and all(map(_is_like, given, asked))


def _is_like(name: str, pattern: str) -> bool:
    first, *middle = pattern.split(ANY)
    if not middle:
        return name == pattern
    if not name.startswith(first):
        return False
    place = len(first)
    for part in middle[:-1]:
        place = name.find(part, place) + len(part)
        if place < len(part):
            return False
    return len(name) - place >= len(middle[-1]) and name.endswith(middle[-1])
