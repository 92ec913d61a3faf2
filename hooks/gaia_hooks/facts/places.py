"""Where our own state and Claude Code's configuration lie, as the hook path sees it."""

import sys

from gaia_hooks.machine import files, system

OFF = "GAIA_BUDGET_OFF"
HOME = "GAIA_BUDGET_HOME"
APPLICATION = "gaia-budget"


def user_home() -> str:
    """The user's home folder."""
    return system.variable("HOME") or system.variable("USERPROFILE")


def home() -> str:
    """Our state folder: the variable, else the folder that this copy was installed into, else the per-user default."""
    return system.variable(HOME) or _installed_into() or _default()


def _installed_into() -> str:
    """`<home>/hook/<version>/gaia_hooks/facts/places.py` is how `init` installs us."""
    version = files.parent(files.parent(files.parent(__file__)))
    hook = files.parent(version)
    return files.parent(hook) if hook.replace("\\", "/").endswith("/hook") else ""


def _default() -> str:
    """The same folder that platformdirs names for user data."""
    if system.WINDOWS:
        return files.join(
            system.variable("LOCALAPPDATA") or files.join(user_home(), "AppData/Local"), APPLICATION
        )
    if sys.platform == "darwin":
        return files.join(user_home(), "Library/Application Support", APPLICATION)
    return files.join(
        system.variable("XDG_DATA_HOME") or files.join(user_home(), ".local/share"), APPLICATION
    )


def off() -> bool:
    """Whether the user has turned everything off."""
    return system.variable(OFF) == "1"


def is_transcript(path: object, config_dirs: "list[str]") -> bool:
    """Whether a path is a transcript inside a Claude Code configuration folder; anything else is never read."""
    if type(path) is not str or not path.endswith(".jsonl"):
        return False
    form = path.replace("\\", "/")
    own = system.variable("CLAUDE_CONFIG_DIR") or files.join(user_home(), ".claude")
    folders = [folder.replace("\\", "/").rstrip("/") for folder in [own, *config_dirs]]
    if "/../" not in form and any(form.startswith(folder + "/") for folder in folders):
        return True
    import os.path  # a linked folder: rare, so its cost is paid only here

    real = os.path.realpath(path)
    return any(real.startswith(os.path.realpath(folder) + os.sep) for folder in folders)
