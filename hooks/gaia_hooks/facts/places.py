"""Where our own state and Claude Code's configuration lie, as the hook path sees it."""

import sys

from gaia_hooks.machine import files, system

OFF = "GAIA_BUDGET_OFF"
HOME = "GAIA_BUDGET_HOME"
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
    return text if not text or _is_absolute(text) else files.join(home, text)


def _is_absolute(path: str) -> bool:
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
    """The configuration folder of the Claude Code that runs here."""
    mine = user_home(variable)
    return folder(variable("CLAUDE_CONFIG_DIR"), mine) or files.join(mine, ".claude")


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
    folders = [one.replace("\\", "/").rstrip("/") for one in configuration_folders(config_dirs)]
    if "/../" not in form and any(form.startswith(one + "/") for one in folders):
        return True
    import os.path  # a linked folder: rare, so its cost is paid only here

    real = os.path.realpath(path)
    return any(real.startswith(os.path.realpath(one) + os.sep) for one in folders)
