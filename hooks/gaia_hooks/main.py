"""The hook: one event as JSON on stdin, an answer as JSON on stdout or nothing. It always ends in exit 0."""

from gaia_hooks.facts import places, snapshot, trust
from gaia_hooks.machine import files, jsonio, system
from gaia_hooks.say import events
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STDIN_LIMIT = 64 << 20
LOCK_SECONDS = 1.0  # a hook that waits longer costs the user more than a count that comes one event later
BACKGROUND_LOCK_SECONDS = 10.0  # nobody waits for these, and a tool call is reported only once
BACKGROUND = frozenset(("PostToolUse", "PostToolUseFailure", "SubagentStart", "SubagentStop"))


def run() -> None:
    """Handle the event on stdin; whatever goes wrong is logged and the user's tool call goes on."""
    ignored = trust.forget_project_variables()
    if places.off():
        return
    home = places.home()
    event = "hook"
    try:
        payload = _payload(system.read_stdin(STDIN_LIMIT))
        event = str(payload.get("hook_event_name"))[:40]
        policy = snapshot.load(home)
        if ignored:
            policy["problems"] = [*policy["problems"], trust.notice(ignored)]
        _check(payload)
        answer = _answer(home, payload, policy)
        if answer:
            files.write_all(1, jsonio.dumps(answer) + b"\n")
    except Exception as error:
        _fault(home, event, error)


def _fault(home: str, event: str, error: BaseException) -> None:
    from gaia_hooks.machine import log

    log.fault(home, event, error)


class Refused(ValueError):
    """A payload that is not one of Claude Code's, or not for us."""


def _payload(data: bytes) -> "dict[str, Any]":
    if len(data) >= STDIN_LIMIT:
        raise Refused("stdin is larger than %d bytes" % STDIN_LIMIT)
    payload = jsonio.loads(data)
    if type(payload) is not dict:
        raise Refused("stdin is not a JSON object")
    return payload


def _check(payload: "dict[str, Any]") -> None:
    if payload.get("hook_event_name") not in events.HANDLERS:
        raise Refused("unknown event")
    if not state.is_session_id(payload.get("session_id")):
        raise Refused("no session id")


def _answer(home: str, payload: "dict[str, Any]", policy: "dict[str, Any]") -> "dict[str, Any]":
    path = payload.get("transcript_path")
    if type(path) is str:
        path = payload["transcript_path"] = places.started_in(path)
    if places.is_transcript(path, policy["config_dirs"]):
        return _handle(home, payload, policy)
    from gaia_hooks.say import uncounted

    problem = Refused("the transcript path is missing or outside the configuration folder")
    _fault(home, payload["hook_event_name"], problem)
    return uncounted.outside(payload, policy)


def _handle(home: str, payload: "dict[str, Any]", policy: "dict[str, Any]") -> "dict[str, Any]":
    session_id, event = payload["session_id"], payload["hook_event_name"]
    if event == "PreToolUse" and snapshot.may_refuse(policy):
        from gaia_hooks.session import awaited

        awaited.wait_for_row(payload)
    patience = BACKGROUND_LOCK_SECONDS if event in BACKGROUND else LOCK_SECONDS
    lock = sessions.lock_of(home, session_id, patience)
    try:
        with lock:
            try:
                session = sessions.opened(home, session_id, lock, policy)
                answer = events.handle(session, payload)
                session.store()
            except OSError as error:  # a full disk, a log that cannot be written: the transcript decides
                return _unkept(home, payload, policy, lock, error)
            return answer
    except (
        files.LockTimeout
    ) as error:  # another process is at it: the last state, and what came since, decide
        _fault(home, event, error)
        return events.unkept(sessions.unkept(home, session_id, lock, policy), payload)
    except OSError as error:  # a state folder that cannot be written
        return _unkept(home, payload, policy, lock, error)


def _unkept(
    home: str, payload: "dict[str, Any]", policy: "dict[str, Any]", lock: files.Lock, error: OSError
) -> "dict[str, Any]":
    _fault(home, payload["hook_event_name"], error)
    return events.unkept(sessions.unkept(home, payload["session_id"], lock, policy), payload, str(error))


if __name__ == "__main__":
    run()
