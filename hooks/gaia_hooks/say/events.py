"""What each of Claude Code's events does to the session's state, and what is answered."""

from gaia_hooks.facts import session_files, session_types, snapshot
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.say import warnings
from gaia_hooks.say.figures import SessionFigures, limit_of
from gaia_hooks.session import argus, state
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Payload = dict[str, Any]
    Answer = dict[str, Any]

# Events whose hook Claude Code waits for; an answer of the others would reach the model, so they give none.
SPEAKING = frozenset(("SessionStart", "UserPromptSubmit", "PreToolUse", "PreModelSwitch", "Stop"))
DECIDING = ("UserPromptSubmit", "PreToolUse")  # of which something can be refused
EDITING = frozenset(
    ("Edit", "MultiEdit", "Write", "NotebookEdit")
)  # report whole files, of which the model sees a line
NOTIFIED_PERCENT = 95  # of a session's limit, from which on a silent client's user is told on the desktop
COMMAND = "/gaia-budget:"  # what the plugin's commands begin with
NOTIFICATION = "<task-notification>"  # background tasks report through the event of human prompts


def _text(payload: "Payload", key: str) -> str:
    value = payload.get(key)
    return value if type(value) is str else ""


def _session_start(session: sessions.Session, payload: "Payload") -> None:
    session.state.ended = False
    if payload.get("source") in ("startup", "clear") and not files.exists(session.state.transcript):
        session.books.begin()
    if payload.get("source") != "compact":  # then the same process goes on, with its subagents
        session.state.reserved.clear()
    from gaia_hooks.facts.prices import plan
    from gaia_hooks.machine import beside

    plan.note_payment(session.home, clock.now())
    beside.start_ingest(session.home, session.policy)


def _user_prompt(session: sessions.Session, payload: "Payload") -> None:
    session.find_agents()
    session.count()
    session.settle(state.MAIN)
    session.state.turn_ended = session.state.ended = False
    session.state.denied = [0, -1]


def _tool_begins(session: sessions.Session, payload: "Payload") -> None:
    session.state.turn_ended = False
    session.count()
    took = session.state.took
    session.state.took = [took[0] + 1, took[1] + clock.worked()]


def _tool_ended(session: sessions.Session, payload: "Payload") -> None:
    session.count()
    call = _text(payload, "tool_use_id")
    if not call or call in session.state.calls:
        return
    session.state.calls.append(call)
    tool, inside = _text(payload, "tool_name"), _text(payload, "agent_type")
    if not inside and tool not in EDITING:
        size = len(jsonio.dumps(payload.get("tool_response", "")))
        session.state.results[tool] = session.state.results.get(tool, 0) + size
    duration = payload.get("duration_ms")
    failed = payload["hook_event_name"] == "PostToolUseFailure"
    if session.state.reserved and _starts(payload):
        from gaia_hooks.session import allowances

        if failed:
            allowances.release(session.state, call=call)
        else:
            allowances.launched(session.state, call, payload.get("tool_response"))
    line = argus.build_line(
        module=session.state.module,
        session_id=session.state.session_id,
        agent=inside or "main",
        details=tool,
        event_id=call,
        status=argus.ERROR if failed else "completed",
        duration_ms=duration if type(duration) is int else None,
        ts=clock.now(),
    )
    files.append(argus.build_path(session.logs, session.state.module), line)


def _subagent_start(session: sessions.Session, payload: "Payload") -> None:
    session.count()
    agent_id = _text(payload, "agent_id")
    if agent_id in session.state.threads and _is_limited(session):
        from gaia_hooks.session import allowances

        allowances.reserve_started(session.state, agent_id, session.policy)


def _subagent_stop(session: sessions.Session, payload: "Payload") -> None:
    session.count()
    agent_id = _text(payload, "agent_id")
    if session.state.reserved:
        from gaia_hooks.session import allowances

        allowances.started(session.state, agent_id)  # its note may not have been there at its start
        allowances.release(session.state, agent_id=agent_id)
    session.finish_agent(agent_id)


def _model_switch(session: sessions.Session, payload: "Payload") -> None:
    session.count()


def _turn_ended(session: sessions.Session, payload: "Payload") -> None:
    session.find_agents()
    session.count()
    session.settle(state.MAIN)
    session.state.turn_ended = True


def _session_end(session: sessions.Session, payload: "Payload") -> None:
    session.find_agents()
    session.count()
    if not session.state.behind:
        session.settle_all()
    session.state.turn_ended = session.state.ended = True


HANDLERS: "dict[str, Callable[[sessions.Session, Payload], None]]" = {
    "SessionStart": _session_start,
    "UserPromptSubmit": _user_prompt,
    "PreToolUse": _tool_begins,
    "PostToolUse": _tool_ended,
    "PostToolUseFailure": _tool_ended,
    "SubagentStart": _subagent_start,
    "SubagentStop": _subagent_stop,
    "PreModelSwitch": _model_switch,
    "Stop": _turn_ended,
    "StopFailure": _turn_ended,
    "SessionEnd": _session_end,
}


def handle(session: sessions.Session, payload: "Payload") -> "Answer":
    """Take in one event and return the answer for Claude Code; empty means nothing to say."""
    event = payload["hook_event_name"]
    session.watch(session.moved(_text(payload, "transcript_path")), _text(payload, "cwd"))
    agent_id = _text(payload, "agent_id")
    if state.is_session_id(agent_id) and _text(payload, "agent_type"):
        # compaction reports a subagent without a type, whose transcript does not exist
        session.agent(agent_id, _text(payload, "agent_type"), _agent_transcript(session, payload))
    session_types.choose(session.state, session.policy)
    HANDLERS[event](session, payload)
    return _answer(session, payload) if event in SPEAKING else {}


def unkept(session: sessions.Session, payload: "Payload", problem: str = "") -> "Answer":
    """The decision by what the transcript holds now, where nothing is written: another process is at it, or `problem`.

    That is said at the session's start. Warnings are left out: what is told once cannot be noted either.
    """
    event = payload["hook_event_name"]
    if event == "SessionStart" and problem:
        return {
            "systemMessage": "GAIA budget: this session's count cannot be kept (%s). Limits hold all the same; events"
            " and history lack it until that is mended." % problem
        }
    if event not in DECIDING or not snapshot.may_refuse(session.policy):
        return {}
    session.watch(_text(payload, "transcript_path"), _text(payload, "cwd"))
    session_types.choose(session.state, session.policy)
    session.find_agents()
    session.count(sessions.UNKEPT_BYTES)
    answer = decision(session, payload)
    if answer or not _opens_subagent(session, payload):
        return answer
    # an allowance that is not written down would be a hole in a hard limit
    return warnings.denial("GAIA budget: the session's count is busy; start this subagent again.")


def decision(session: sessions.Session, payload: "Payload") -> "Answer":
    """What a configured limit decides on an event, and nothing else."""
    return _decision(session, SessionFigures(session), payload)


def _opens_subagent(session: sessions.Session, payload: "Payload") -> bool:
    opens = payload["hook_event_name"] == "PreToolUse" and _starts(payload)
    return bool(opens) and session.policy["session_policy"] == "block"


def _starts(payload: "Payload") -> str:
    """What a call starts: an "agent", a "program" that starts agents, or nothing that its form tells of."""
    tool, given = payload.get("tool_name"), payload.get("tool_input")
    if tool in ("Agent", "Task"):
        return "agent"
    script = given.get("script") if type(given) is dict else None
    return "program" if tool == "Workflow" or (type(script) is str and "agent(" in script) else ""


def _is_limited(session: sessions.Session) -> bool:
    """Whether a limit is configured that does more than warn."""
    module = snapshot.module_policy(session.policy, session.state.module)
    mode: str = session.policy["session_policy"]
    return mode != "warn" or module.get("on_exceeded", "warn") != "warn"


def _is_inside(payload: "Payload") -> bool:
    """Whether a subagent's event; what a hook says there is shown to nobody."""
    return bool(_text(payload, "agent_id") and _text(payload, "agent_type"))


def _agent_transcript(session: sessions.Session, payload: "Payload") -> str:
    path = _text(payload, "agent_transcript_path")
    inside = session_files.agents_folder(session.state.transcript)
    return path if path.startswith(inside) else ""


def _answer(session: sessions.Session, payload: "Payload") -> "Answer":
    figures, event = SessionFigures(session), payload["hook_event_name"]
    prompt = _text(payload, "prompt")
    if event == "UserPromptSubmit" and prompt.startswith(COMMAND):
        from gaia_hooks.say import commands

        answer = commands.answer(session, prompt, _text(payload, "cwd"))
        if answer:
            return answer
    decided = _decision(session, figures, payload)
    if _is_inside(payload):
        return _answer_inside(session, figures, decided)
    said = [decided.pop("systemMessage", "")]
    if event == "PreToolUse" and _starts(payload) == "program":
        from gaia_hooks.say import agents

        said.insert(0, agents.announced(session, figures, payload))
    if (
        event == "UserPromptSubmit"
        and _is_human(payload)
        and session_types.guess(session.state, payload["prompt"], session.policy)
    ):
        said.append(warnings.guessed_type(session))
    if event in ("SessionStart", "PreModelSwitch"):
        said.append(warnings.cost_of_going_on(session, payload))
        said += (
            [*session.policy["problems"], session_types.problem(session.policy)]
            if event == "SessionStart"
            else []
        )
    if session.policy["alerts"] and event in ("SessionStart", "UserPromptSubmit"):
        said += warnings.alerts(session)
    if (
        event in ("SessionStart", "UserPromptSubmit")
        and files.size_of(files.join(session.home, "news.txt")) > 0
    ):
        from gaia_hooks.say import news

        said.append(news.told(session.home))
    if event == "Stop" and not files.exists(session.state.transcript):
        from gaia_hooks.say import uncounted

        said.append(uncounted.told(session))
    threshold = warnings.threshold_reached(session, figures)
    said += [threshold, warnings.excluded_model(session, figures)]
    text = "\n".join(line for line in said if line)
    if text:
        decided["systemMessage"] = text
    if threshold and figures.budget_tokens * 100 >= NOTIFIED_PERCENT * limit_of(session):
        from gaia_hooks.machine import beside

        if beside.is_client_silent():
            beside.notify(session.home, threshold)
    if threshold and session.policy["warn_model"] and event in ("UserPromptSubmit", "PreToolUse"):
        told = decided.setdefault("hookSpecificOutput", {"hookEventName": event})
        told.setdefault("additionalContext", "%s %s" % (threshold, warnings.KEEP_QUALITY))
    if event == "UserPromptSubmit" and session.policy["add_matching_section"] and "decision" not in decided:
        _add_section(session, payload, decided)
    return decided


def _answer_inside(session: sessions.Session, figures: SessionFigures, decided: "Answer") -> "Answer":
    """In a subagent only a decision arrives: what is to be said waits for the main thread, or goes to the desktop."""
    if figures.budget_tokens * 100 < NOTIFIED_PERCENT * limit_of(session):
        return decided
    from gaia_hooks.machine import beside

    threshold = warnings.threshold_reached(session, figures) if beside.is_client_silent() else ""
    if threshold:
        beside.notify(session.home, threshold)
    return decided


def _add_section(session: sessions.Session, payload: "Payload", decided: "Answer") -> None:
    if not _is_human(payload):
        return
    from gaia_hooks.say import sections

    cwd, prompt = _text(payload, "cwd"), _text(payload, "prompt")
    text = sections.matching(session.home, cwd, prompt, session.state.session_id)
    if text:
        told = decided.setdefault("hookSpecificOutput", {"hookEventName": "UserPromptSubmit"})
        before = told.get("additionalContext")
        told["additionalContext"] = "%s\n\n%s" % (before, text) if before else text


def _is_human(payload: "Payload") -> bool:
    prompt = _text(payload, "prompt")
    return bool(prompt) and not prompt.startswith(NOTIFICATION)


def _decision(session: sessions.Session, figures: SessionFigures, payload: "Payload") -> "Answer":
    """What a configured limit decides; the code for it is loaded only where one is configured."""
    event = payload["hook_event_name"]
    if event not in DECIDING:
        return {}
    if event == "PreToolUse" and payload.get("mcp_server"):
        from gaia_hooks.say import namesake

        refused = namesake.refusal(session.home, payload)
        if refused:
            return refused
    if session.policy["refuse_uncounted"]:
        from gaia_hooks.say import uncounted

        refused = uncounted.refusal(session, payload)
        if refused:
            return refused
    if not _is_limited(session):
        return {}
    from gaia_hooks.say import limits

    if event == "PreToolUse":
        return limits.tool_answer(session, figures, payload, _starts(payload), _is_inside(payload))
    return limits.prompt_answer(session, figures) if _is_human(payload) else {}
