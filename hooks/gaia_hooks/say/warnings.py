"""What a session's human is told, once: thresholds, the guessed type, a model that the type excludes; and a denial."""

from gaia_hooks.facts import session_types
from gaia_hooks.facts.prices import money, pricing
from gaia_hooks.machine import system
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEEP_QUALITY = "Do not skip tests or cut scope for it."  # models that feel short of tokens stop early
WORTH_SAYING_USD = 0.05


def denial(reason: str) -> "dict[str, Any]":
    """The answer that refuses a tool call."""
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        }
    }


def spent(figures: SessionFigures) -> str:
    """A session's dollars, and whether that is all."""
    return money.usd_short(figures.cost_nano) + (" + what has no known price" if figures.unpriced else "")


def threshold_reached(session: sessions.Session, figures: SessionFigures) -> str:
    """The line for the highest threshold reached that was not told yet, or the empty string; told is noted."""
    told, limit = session.state.told, limit_of(session)
    reached = [step for step in session.policy["thresholds"] if figures.budget_tokens * 100 >= step * limit]
    new = [step for step in reached if str(step) not in told]
    if not new or new[-1] != reached[-1]:
        told.extend(str(step) for step in new)
        return ""
    told.extend(str(step) for step in new)
    return _line(session, figures, limit, reached[-1])


def _line(session: sessions.Session, figures: SessionFigures, limit: int, step: int) -> str:
    mine = session.state
    used = "%s%s of %s tokens" % (
        "at least " if mine.uncertain else "",
        grouped(figures.budget_tokens),
        grouped(limit),
    )
    return "GAIA budget: %d %% of this %s session reached (%s, %s). Biggest: %s. Next: %s." % (
        step,
        mine.type,
        used,
        spent(figures),
        figures.biggest_cause(mine),
        _next_step(session),
    )


def _next_step(session: sessions.Session) -> str:
    mine = session.state.type
    larger = session_types.larger(session.policy, mine)
    if not larger:
        return "write down what is decided, then `/clear`"
    finish = "finish" if mine == session_types.QUICK_FIX else "finish this part, then `/clear`"
    return "%s, or `%s %s`" % (finish, _type_command(session), larger)


def _type_command(session: sessions.Session) -> str:
    """What sets the type: with the plugin alone there is no command in the terminal, but one in Claude Code."""
    alone = system.variable("CLAUDE_PLUGIN_ROOT") and session.policy["session_policy"] != "block"
    return "/gaia-budget:type" if alone else "gaia-budget session type"


def alerts(session: sessions.Session) -> "list[str]":
    """What fires for the session's module or for all, each once in a session; told is noted."""
    told, lines = session.state.told, []
    for alert_id, module, line, _ in session.policy["alerts"]:
        note = "alert:" + alert_id
        if line and module in ("", session.state.module) and note not in told:
            told.append(note)
            lines.append(line)
    return lines


def guessed_type(session: sessions.Session) -> str:
    """Announces a guess with the way to change it."""
    return (
        "GAIA budget: taken for a %s session (%s tokens); nothing is blocked by that guess. Another: "
        "`%s TYPE` (%s)."
        % (
            session.state.type,
            grouped(limit_of(session)),
            _type_command(session),
            ", ".join(name for name in session_types.known(session.policy) if name != session.state.type),
        )
    )


def excluded_model(session: sessions.Session, figures: SessionFigures) -> str:
    """Says once that a dearer model is used than the session's type is meant for; a guess judges no model."""
    mine = session.state
    if mine.chosen_by == session_types.INFERRED:
        return ""
    types = session.policy["session_types"]
    allowed = types.get(mine.type, types[session_types.FEATURE_DEV]).get("models") or []
    families = list(session.policy["families"])
    highest = max((_rank(family, families) for family in allowed), default=len(families))
    for model in figures.tokens_of_model:
        note = "model:" + model
        if _rank(model, families) > highest and note not in mine.told:
            mine.told.append(note)
            return "GAIA budget: %s is not meant for %s sessions (%s). `/model` switches." % (
                model,
                mine.type,
                ", ".join(allowed),
            )
    return ""


def _rank(model: str, families: "list[str]") -> int:
    """A model's place among Claude's families by tier; an unknown one is below all and never complained about."""
    family = model if model in families else pricing.family_of(model, families)
    return families.index(family) if family else -1


def cost_of_going_on(session: sessions.Session, payload: "dict[str, Any]") -> str:
    """On resume and model switch, once: what writing the context into the cache again costs, and what is cheaper."""
    tokens, dollars = payload.get("context_tokens"), payload.get("estimated_cache_write_usd")
    if not isinstance(tokens, int) or not isinstance(dollars, (int, float)) or dollars < WORTH_SAYING_USD:
        return ""
    if payload["hook_event_name"] == "SessionStart" and not payload.get("prompt_cache_likely_expired"):
        return ""
    note = "going on:%s:%d" % (payload.get("to_model") or payload.get("source"), tokens)
    if note in session.state.told:
        return ""  # one switch can be reported twice
    session.state.told.append(note)
    return (
        "GAIA budget: going on writes %s tokens of context into the cache again, about $%.4f (it does not count"
        " against the limit). `/clear` costs nothing; `/compact` pays once and then carries less."
        % (grouped(tokens), dollars)
    )
