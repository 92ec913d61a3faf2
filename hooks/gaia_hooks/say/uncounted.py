"""Sessions that cannot be counted: said where the user looks, and refused where the user set that.

Loaded only where one is suspected, or where `refuse_uncounted_sessions` is set.
"""

from gaia_hooks.facts import places
from gaia_hooks.machine import files
from gaia_hooks.say import warnings
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOT_COUNTED = "GAIA budget: this session is not counted and no limit holds in it: "
OUTSIDE = (
    "its transcript lies outside of Claude Code's configuration folder. Name that folder in `claude_config_dirs` of"
    " settings.toml, then run `gaia-budget ingest`."
)
UNWRITTEN = "Claude Code writes no transcript of it. Start it without --no-session-persistence."


def outside(payload: "dict[str, Any]", policy: "dict[str, Any]") -> "dict[str, Any]":
    """The answer on an event of a session whose transcript is none that we may read."""
    if payload["hook_event_name"] == "SessionStart":
        return {"systemMessage": NOT_COUNTED + OUTSIDE}
    return _refusal(payload, OUTSIDE) if policy["refuse_uncounted"] else {}


def told(session: sessions.Session) -> str:
    """The line for a turn that has ended without a transcript, once; empty where there is one."""
    if state.UNCOUNTED in session.state.told or _is_written(session):
        return ""
    from gaia_hooks.session import awaited

    if awaited.wait_for_file(session.state.transcript):
        return ""
    session.state.told.append(state.UNCOUNTED)
    return NOT_COUNTED + UNWRITTEN


def refusal(session: sessions.Session, payload: "dict[str, Any]") -> "dict[str, Any]":
    """Refuse a prompt after a turn without a transcript, and a tool call without one; empty where it may go on."""
    begins = payload["hook_event_name"] == "UserPromptSubmit"
    if (begins and state.UNCOUNTED not in session.state.told) or _is_written(session):
        return {}
    return _refusal(payload, UNWRITTEN)


def _is_written(session: sessions.Session) -> bool:
    """Whether the session's transcript is there; one that lies in another project's folder is watched from now on."""
    mine = session.state
    if files.exists(mine.transcript):
        return True
    folders = places.configuration_folders(session.policy["config_dirs"])
    found = places.transcripts_of(mine.session_id, folders)
    if found:
        session.watch(found[0], mine.cwd)
    return bool(found)


def _refusal(payload: "dict[str, Any]", why: str) -> "dict[str, Any]":
    event, reason = payload["hook_event_name"], NOT_COUNTED + why
    if event == "UserPromptSubmit":
        return {"decision": "block", "reason": reason}
    if event != "PreToolUse":
        return {}
    return dict(warnings.denial(reason), **{"continue": False, "stopReason": reason})
