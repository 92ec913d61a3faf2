"""Where limits are hard, calls that would change what holds them are refused: our state, the owner's files, the wiring.

A model that may edit files could otherwise lift its own limit. What remains possible to one that may run any program is
said in SECURITY.md: no hook can read what a program will do.
"""

from gaia_hooks.facts import modules
from gaia_hooks.machine import files
from gaia_hooks.say.wrapping_up import EDITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.session.counting import Session

SETTINGS = ("settings.json", "settings.local.json", "managed-settings.json")
OWNERS = ("token_budget.json", "registry.json")
# Of a shell command: other settings than the user's (`GAIA_BUDGET_SESSION_POLICY=warn gaia-budget ingest`), what hides
# the session, turns hooks off or takes them out. Our commands that raise a limit want a human themselves.
UNDOING = (
    "GAIA_BUDGET_",
    "GAIA_ROOT",
    "CLAUDECODE",
    "disableAllHooks",
    "gaia-budget init",
    "install.py --undo",
)
REASON = (
    "GAIA budget: limits are hard here, and %s holds them: only a human changes it. Way out: the user does it in a"
    " terminal of their own."
)


def refusal(session: "Session", payload: "dict[str, Any]", tool: str, tool_input: "dict[str, Any]") -> str:
    """Why a call must not be made; empty where it may."""
    if tool in EDITING:
        path = tool_input.get("file_path") or tool_input.get("notebook_path")
        what = _held_by(session, str(payload.get("cwd") or ""), path) if type(path) is str else ""
    elif tool in ("Bash", "PowerShell"):
        what = _named_in(session, tool_input.get("command"))
    else:
        what = ""
    return REASON % what if what else ""


def _held_by(session: "Session", cwd: str, path: str) -> str:
    """What a path is that holds limits; empty for any other file."""
    import os.path  # costs a millisecond: paid for edits under a hard policy alone

    real = os.path.realpath(os.path.join(cwd, path))
    place = modules.folded(real)
    if _within(place, os.path.realpath(session.home)):
        return "our state folder"
    name = place.rpartition("/")[2]
    if name in SETTINGS and (place.split("/")[-2:-1] == [".claude"] or _in_config(session, place)):
        return "Claude Code's settings file"
    root = files.parent(session.logs)
    if (
        name in OWNERS
        and root
        and modules.folded(files.parent(real)) == modules.folded(os.path.realpath(root))
    ):
        return "the owner's " + name
    return ""


def _in_config(session: "Session", place: str) -> bool:
    import os.path

    from gaia_hooks.facts import places

    return any(
        _within(place, os.path.realpath(folder))
        for folder in places.configuration_folders(session.policy["config_dirs"])
    )


def _within(place: str, folder: str) -> bool:
    return (place + "/").startswith(modules.folded(folder) + "/")


def _named_in(session: "Session", command: object) -> str:
    """What a shell command names that holds limits. It is a text: what a program does is not in it."""
    if type(command) is not str:
        return ""
    form = command.replace("\\", "/")
    if session.home.replace("\\", "/") in form:
        return "our state folder"
    words = " ".join(form.split())
    return next(("what the command names (%s)" % sign for sign in UNDOING if sign in words), "")
