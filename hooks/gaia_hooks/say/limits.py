"""Limits that hold, where the user configured them: at the prompt, at what starts agents, at new work within a turn.

A subagent that works past a limit is ended at its next call, whatever that is: each would cost an answer more.

Loaded only where a limit is configured. Never `allow`, never `ask`: no permission of the user is bypassed.
"""

from gaia_hooks.facts import session_types, snapshot
from gaia_hooks.facts.prices import money
from gaia_hooks.machine import clock
from gaia_hooks.say import guarding, warnings, wrapping_up
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import allowances, months
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK, DOWNGRADE, WARN = "block", "downgrade", "warn"
DELIVERING = "StructuredOutput"  # a subagent's answer: after it no request follows
DENIALS_PER_TURN = 2  # each denial costs another request with the whole context: then the turn is ended


class Verdict:
    """What holds now: `mode` is block, downgrade or warn; `reason` says why and names the way out."""

    __slots__ = ("mode", "reason")

    def __init__(self, mode: str, reason: str = "") -> None:
        self.mode = mode
        self.reason = reason


def hard_limit(session: sessions.Session) -> int:
    """The session's limit in budget tokens; a guessed type never limits below the default type."""
    limit = limit_of(session)
    if session.state.chosen_by == session_types.INFERRED:
        limit = max(limit, session_types.limit(session.policy, session_types.FEATURE_DEV))
    return limit


def verdict(
    session: sessions.Session, figures: SessionFigures, more_tokens: int = 0, what: str = ""
) -> Verdict:
    """Whether the month or the session is used up, or would be with `more_tokens`; `what` says what these are."""
    by_month = _month(session)
    if by_month.mode != WARN:
        return by_month
    mode: str = session.policy["session_policy"]
    if mode == WARN:
        return by_month
    limit = hard_limit(session)
    reserved = allowances.outstanding(session.state) if more_tokens else 0
    wanted = figures.budget_tokens + reserved + more_tokens
    if wanted < limit or (more_tokens and wanted == limit):
        return Verdict(WARN)
    return Verdict(mode, _session_reason(session, figures, limit, reserved, what))


def _session_reason(
    session: sessions.Session, figures: SessionFigures, limit: int, reserved: int, what: str
) -> str:
    parts = "%s of %s tokens of this %s session are used" % (
        grouped(figures.budget_tokens),
        grouped(limit),
        session.state.type,
    )
    if reserved:
        parts += ", %s set aside for running subagents" % grouped(reserved)
    if what:
        parts += ", " + what
    return (
        "GAIA budget: %s. Way out: the user runs `gaia-budget session type TYPE`, or `/clear` starts anew."
        % parts
    )


def _month(session: sessions.Session) -> Verdict:
    module = session.state.module
    entry = snapshot.module_policy(session.policy, module)
    mode = entry.get("on_exceeded", WARN)
    if mode == WARN:
        return Verdict(WARN)
    month = months.of_session(session, clock.now())
    if month.limit is None or month.spent < month.limit:
        return Verdict(WARN)
    from gaia_hooks.facts.names import called

    reason = "GAIA budget: %s has spent %s of its %s%s this month (resets %s). Way out: the user runs %s." % (
        called(module),
        money.usd_short(month.spent),
        money.usd_short(month.limit),
        " (%s of it by override)" % money.usd_short(month.lifted) if month.lifted else "",
        clock.iso(session.policy["month"][1])[:10],
        "`gaia-budget override add %s --usd N --reason R`" % called(module),
    )
    return Verdict(mode, reason)


def prompt_answer(session: sessions.Session, figures: SessionFigures) -> "dict[str, Any]":
    """Block a human prompt when the limit is used up: nothing was sent yet, so it costs nothing."""
    found = verdict(session, figures)
    if found.mode != BLOCK:
        return {}
    return {"decision": "block", "reason": found.reason}


def tool_answer(
    session: sessions.Session, figures: SessionFigures, payload: "dict[str, Any]", starts: str, inside: bool
) -> "dict[str, Any]":
    """Decide on a tool call: agents are reserved, denied or made cheaper; new work past the limit is denied.

    `starts` is what the call starts ("agent", a "program" of agents, or nothing), `inside` whether a subagent makes it.
    """
    tool = str(payload.get("tool_name"))
    tool_input = payload.get("tool_input")
    tool_input = tool_input if type(tool_input) is dict else {}
    if inside:
        found = verdict(session, figures)
        if found.mode == BLOCK and tool != DELIVERING:
            return _end_subagent(session, payload, found.reason)
    if starts:
        return _agents(session, figures, payload, tool_input, starts == "program")
    held = guarding.refusal(session, payload, tool, tool_input)
    if held:
        return _deny(session, figures, held)
    if inside:
        wrapping_up.remember(session.state, tool, tool_input)
        return {}
    found = verdict(session, figures)
    if found.mode != BLOCK or wrapping_up.is_allowed(session.state, tool, tool_input):
        wrapping_up.remember(session.state, tool, tool_input)
        return {}
    return _deny(session, figures, found.reason)


def _agents(
    session: sessions.Session,
    figures: SessionFigures,
    payload: "dict[str, Any]",
    tool_input: "dict[str, Any]",
    program: bool,
) -> "dict[str, Any]":
    mine, call = session.state, str(payload.get("tool_use_id"))
    allowances.release_unstarted(mine)
    key = allowances.PROGRAM + call if program else call
    if key in mine.reserved:
        return {}  # the same call, reported by a second wiring
    if program:
        from gaia_hooks.say import programs

        estimate = programs.Estimate(session, tool_input)
        tokens, what = estimate.tokens, "this workflow starts " + estimate.words()
    else:
        tokens = allowances.allowance(mine, session.policy)
        what = "a subagent is given %s" % grouped(tokens)
    found = verdict(session, figures, tokens, what)
    if found.mode == BLOCK:
        return _deny(session, figures, found.reason)
    allowances.reserve(mine, key, tokens)
    if found.mode == DOWNGRADE:
        from gaia_hooks.say import downgrade

        return (
            downgrade.left_alone(found.reason)
            if program
            else downgrade.answer(session, tool_input, found.reason)
        )
    return {}


def _end_subagent(session: sessions.Session, payload: "dict[str, Any]", reason: str) -> "dict[str, Any]":
    """Deny the call and end the subagent that made it; the main thread and its siblings go on."""
    allowances.release(session.state, agent_id=str(payload.get("agent_id")))
    answer = _denial(reason)
    answer["continue"] = False
    answer["stopReason"] = reason
    return answer


def _deny(session: sessions.Session, figures: SessionFigures, reason: str) -> "dict[str, Any]":
    """Deny the call; from the third round of denials in a turn on, end the turn. One batch is one round."""
    mine = session.state
    if figures.responses != mine.denied[1]:
        mine.denied = [mine.denied[0] + 1, figures.responses]
    answer = _denial(reason)
    if mine.denied[0] > DENIALS_PER_TURN:
        answer["continue"] = False
        answer["stopReason"] = reason
    return answer


def _denial(reason: str) -> "dict[str, Any]":
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": "%s %s" % (reason, warnings.KEEP_QUALITY),
        }
    }
