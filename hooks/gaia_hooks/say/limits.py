"""Limits that hold, where the user configured them: at the prompt, at what starts agents, at new work within a turn.

A subagent that works past a limit is ended at its next call, whatever that is: each would cost an answer more.

Calls that would change what holds the limits are refused: our state, the owner's files, the wiring. A model that may
edit files could otherwise lift its own limit; what remains possible to one that may run any program is said in
SECURITY.md: no hook can read what a program will do.

Loaded only where a limit is configured. Never `allow`, never `ask`: no permission of the user is bypassed.
"""

from gaia_hooks.facts import modules, session_types, snapshot
from gaia_hooks.facts.prices import money
from gaia_hooks.machine import clock, files
from gaia_hooks.say import warnings, wrapping_up
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import allowances, months
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK, DOWNGRADE, WARN = "block", "downgrade", "warn"
DELIVERING = "StructuredOutput"  # a subagent's answer: after it no request follows
DENIALS_PER_TURN = 2  # each denial costs another request with the whole context: then the turn is ended
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


def _verdict(
    session: sessions.Session, figures: SessionFigures, more_tokens: int = 0, what: str = ""
) -> "tuple[str, str]":
    """What holds now (block, downgrade or warn), and the reason, which names the way out.

    Is the month or the session used up, or would it be with `more_tokens`? `what` says what these are.
    """
    by_month, mode = _month(session), session.policy["session_policy"]
    if by_month[0] != WARN or mode == WARN:
        return by_month
    limit = limit_of(session)
    if session.state.chosen_by == session_types.INFERRED:  # a guess never limits below the default type
        limit = max(limit, session_types.limit(session.policy, session_types.FEATURE_DEV))
    reserved = allowances.outstanding(session.state) if more_tokens else 0
    wanted = figures.budget_tokens + reserved + more_tokens
    if wanted < limit or (more_tokens and wanted == limit):
        return WARN, ""
    return mode, _session_reason(session, figures, limit, reserved, what)


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


def _month(session: sessions.Session) -> "tuple[str, str]":
    module = session.state.module
    entry = snapshot.module_policy(session.policy, module)
    mode = entry.get("on_exceeded", WARN)
    if mode == WARN:
        return WARN, ""
    month = months.of_session(session, clock.now())
    if month.limit is None or month.spent < month.limit:
        return WARN, ""
    from gaia_hooks.facts.names import called

    reason = "GAIA budget: %s has spent %s of its %s%s%s. Way out: the user runs %s." % (
        called(module),
        money.usd_short(month.spent),
        money.usd_short(month.limit),
        " (%s of it by override)" % money.usd_short(month.lifted) if month.lifted else "",
        " this month (resets %s)" % month.resets_on if month.resets_on else " this month",
        "`gaia-budget override add %s --usd N --reason R`" % called(module),
    )
    return mode, reason


def prompt_answer(session: sessions.Session, figures: SessionFigures) -> "dict[str, Any]":
    """Block a human prompt when the limit is used up: nothing was sent yet, so it costs nothing."""
    mode, reason = _verdict(session, figures)
    return {"decision": "block", "reason": reason} if mode == BLOCK else {}


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
        mode, reason = _verdict(session, figures)
        if mode == BLOCK and tool != DELIVERING:
            allowances.release(session.state, agent_id=str(payload.get("agent_id")))
            return _denial(reason, ends=True)  # the subagent; the main thread and its siblings go on
    if starts:
        return _agents(session, figures, payload, tool_input, starts == "program")
    held = _held(session, payload, tool, tool_input)
    if held:
        return _deny(session, figures, held)
    mode, reason = (WARN, "") if inside else _verdict(session, figures)
    if mode != BLOCK or wrapping_up.is_allowed(session.state, tool, tool_input):
        wrapping_up.remember(session.state, tool, tool_input)
        return {}
    return _deny(session, figures, reason)


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
        from gaia_hooks.say import agents

        estimate = agents.Estimate(session, tool_input)
        tokens, what = estimate.tokens, "this workflow starts " + estimate.words()
    else:
        tokens = allowances.allowance(mine, session.policy)
        what = "a subagent is given %s" % grouped(tokens)
    mode, reason = _verdict(session, figures, tokens, what)
    if mode == BLOCK:
        return _deny(session, figures, reason)
    allowances.reserve(mine, key, tokens)
    if mode != DOWNGRADE:
        return {}
    if program:  # rewriting it could change what it does
        return {
            "systemMessage": "%s The workflow's agents keep the models that its program gives them." % reason
        }
    from gaia_hooks.say import agents

    return agents.cheaper(session, tool_input, reason)


def _deny(session: sessions.Session, figures: SessionFigures, reason: str) -> "dict[str, Any]":
    """Deny the call; from the third round of denials in a turn on, end the turn. One batch is one round."""
    mine = session.state
    if figures.responses != mine.denied[1]:
        mine.denied = [mine.denied[0] + 1, figures.responses]
    return _denial(reason, ends=mine.denied[0] > DENIALS_PER_TURN)


def _denial(reason: str, ends: bool) -> "dict[str, Any]":
    answer = warnings.denial("%s %s" % (reason, warnings.KEEP_QUALITY))
    return dict(answer, **{"continue": False, "stopReason": reason}) if ends else answer


def _held(
    session: sessions.Session, payload: "dict[str, Any]", tool: str, tool_input: "dict[str, Any]"
) -> str:
    """Why a call must not be made; empty where it may."""
    if tool in wrapping_up.EDITING:
        path = tool_input.get("file_path") or tool_input.get("notebook_path")
        what = _held_by(session, str(payload.get("cwd") or ""), path) if type(path) is str else ""
    elif tool in ("Bash", "PowerShell"):
        what = _named_in(session, tool_input.get("command"))
    else:
        what = ""
    return REASON % what if what else ""


def _held_by(session: sessions.Session, cwd: str, path: str) -> str:
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


def _in_config(session: sessions.Session, place: str) -> bool:
    import os.path

    from gaia_hooks.facts import places

    return any(
        _within(place, os.path.realpath(folder))
        for folder in places.configuration_folders(session.policy["config_dirs"])
    )


def _within(place: str, folder: str) -> bool:
    return (place + "/").startswith(modules.folded(folder) + "/")


def _named_in(session: sessions.Session, command: object) -> str:
    """What a shell command names that holds limits. It is a text: what a program does is not in it."""
    if type(command) is not str:
        return ""
    form = command.replace("\\", "/")
    if session.home.replace("\\", "/") in form:
        return "our state folder"
    words = " ".join(form.split())
    return next(("what the command names (%s)" % sign for sign in UNDOING if sign in words), "")
