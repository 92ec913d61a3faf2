"""The plugin's commands, answered before any model is asked: the prompt is held back, so that they cost no tokens.

Loaded only for a prompt that is one of them.
"""

from gaia_hooks.facts import names, session_types
from gaia_hooks.facts.prices import money
from gaia_hooks.machine import clock, files
from gaia_hooks.say import warnings
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import months, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HANDBOOKS = ("CLAUDE.md", ".claude/CLAUDE.md")


def answer(session: sessions.Session, prompt: str, cwd: str) -> "dict[str, Any]":
    """The answer to a command, in place of a model's; empty where it is none of ours."""
    word, _, rest = prompt.partition(":")[2].partition(" ")
    made = ANSWERS.get(word)
    return {"decision": "block", "reason": made(session, rest.strip(), cwd)} if made else {}


def _budget(session: sessions.Session, rest: str, cwd: str) -> str:
    figures, limit, mine = SessionFigures(session), limit_of(session), session.state
    lines = [
        "GAIA budget: %s%s of %s tokens of this %s session (%d %%), %s at API prices."
        % (
            "at least " if mine.uncertain else "",
            grouped(figures.budget_tokens),
            grouped(limit),
            mine.type,
            figures.budget_tokens * 100 // limit,
            warnings.spent(figures),
        ),
        _month(session),
    ]
    cause = figures.biggest_cause(mine)
    return "\n".join(lines + (["Biggest: %s." % cause] if cause else []))


def _month(session: sessions.Session) -> str:
    found = months.of_session(session, clock.now())
    month = "%s: %s this month" % (names.said(session.state.module), money.usd_short(found.total))
    if not found.limit:
        return month + "; it has no cap."
    counted = money.usd_short(found.spent), money.usd_short(found.limit)
    return month + ", of which %s count against its %s." % counted


def _type(session: sessions.Session, rest: str, cwd: str) -> str:
    mine, policy = session.state, session.policy
    known = session_types.known(policy)
    if not rest:
        chosen = "%s (%s tokens; chosen by: %s)" % (mine.type, grouped(limit_of(session)), mine.chosen_by)
        return "GAIA budget: this is a %s session. Others: %s." % (chosen, ", ".join(known))
    if rest not in known:
        return "GAIA budget: %s is no session type; nothing was changed (valid: %s)." % (
            names.shown(rest, 40),
            ", ".join(known),
        )
    lifted = session_types.limit(policy, rest) > limit_of(session)
    if lifted and policy["session_policy"] != "warn":  # a program can start a client with this prompt, too
        return (
            "GAIA budget: limits are hard here, so a higher one is set in a terminal of your own: "
            "`gaia-budget session type %s --session %s`. Nothing was changed." % (rest, mine.session_id)
        )
    mine.type, mine.chosen_by = rest, session_types.COMMAND
    mine.told = [word for word in mine.told if not word.isdigit()]
    return "GAIA budget: a %s session from now on (%s tokens)." % (rest, grouped(limit_of(session)))


def _report(session: sessions.Session, rest: str, cwd: str) -> str:
    figures = SessionFigures(session)
    if not figures.responses:
        return "GAIA budget: nothing has been answered in this session yet."
    lines = [
        "GAIA budget: %s tokens count in this session, in %d responses, %s at API prices."
        % (grouped(figures.budget_tokens), figures.responses, warnings.spent(figures))
    ]
    lines += _shares("model", figures.tokens_of_model)
    threads = {_thread(session, name): used for name, used in figures.tokens_of_thread.items()}
    lines += _shares("by", threads) if len(threads) > 1 else []
    return "\n".join([*lines, "More: gaia-budget receipt %s" % session.state.session_id[:8]])


def _shares(what: str, tokens: "dict[str, int]") -> "list[str]":
    rows = sorted(tokens.items(), key=lambda row: -row[1])
    return ["%s %s: %s" % (what, names.shown(name, 60), grouped(used)) for name, used in rows[:8]]


def _thread(session: sessions.Session, name: str) -> str:
    thread = session.state.threads.get(name)
    kind = thread.agent_type if thread else ""
    return "the conversation" if name == state.MAIN else "%s %s" % (kind or "subagent", name[:8])


def _claude_md(session: sessions.Session, rest: str, cwd: str) -> str:
    for name in HANDBOOKS:
        try:
            lines = files.read(files.join(cwd, name)).count(b"\n")
        except OSError:
            continue
        return (
            "GAIA budget: %s has %d lines, which go along with every request. `gaia-budget claude-md check` says"
            " whether that is too long, `gaia-budget claude-md split --dry-run` shows how it would be split."
            % (name, lines)
        )
    return "GAIA budget: there is no CLAUDE.md in this folder."


ANSWERS: "dict[str, Callable[[sessions.Session, str, str], str]]" = {
    "budget": _budget,
    "type": _type,
    "report": _report,
    "claude-md": _claude_md,
}
