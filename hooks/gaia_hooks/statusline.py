"""Claude Code's status line: JSON on stdin, one line out, at the price of a hook.

Plan windows first where there are any, then the context, then the session, then the module's month.
"""

from gaia_hooks.facts import places, session_types, snapshot, trust
from gaia_hooks.facts.prices import money, plan
from gaia_hooks.machine import clock, files, jsonio, system
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import months, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOCK_SECONDS = 0.2
STDIN_LIMIT = 1 << 20
SEPARATOR = " · "
NOT_COUNTED = "not counted (gaia-budget doctor)"
WINDOWS = (("five_hour", "5h"), ("seven_day", "7d"))


def run(data: "bytes | None" = None) -> None:
    """Print the line for the JSON in `data`, else on stdin; what goes wrong is logged and the line stays short."""
    trust.forget_project_variables()
    if places.off():
        return
    home = places.home()
    try:
        payload = jsonio.loads(system.read_stdin(STDIN_LIMIT) if data is None else data)
        policy = snapshot.load(home)
        line = SEPARATOR.join(part for part in _parts(home, payload, policy) if part)
        files.write_all(1, (line + "\n").encode("utf-8"))
    except Exception as error:
        _fault(home, error)


def _fault(home: str, error: BaseException) -> None:
    from gaia_hooks.machine import log

    log.fault(home, "statusline", error)


def _parts(home: str, payload: "dict[str, Any]", policy: "dict[str, Any]") -> "list[str]":
    limits, now = payload.get("rate_limits"), clock.now()
    windows = plan_windows(limits, now) if limits else kept_windows(plan.read(home), now)
    parts = [windows, context(payload.get("context_window"))]
    if state.is_session_id(payload.get("session_id")):
        session, problem = _counted(home, payload, policy)
        if limits and not problem:
            plan.keep(home, limits, now)
        parts += [
            session_part(session),
            cache(payload.get("prompt_cache")),
            month(session),
            alerts(session),
            problem,
        ]
    return parts


def _counted(
    home: str, payload: "dict[str, Any]", policy: "dict[str, Any]"
) -> "tuple[sessions.Session, str]":
    """The session with its new bytes counted, and what keeps the count from being stored.

    While another process is at it, it is as it was last stored.
    """
    session_id, problem = payload["session_id"], ""
    lock = sessions.lock_of(home, session_id, LOCK_SECONDS)
    try:
        with lock:
            session = sessions.opened(home, session_id, lock, policy)
            if _count(session, payload):
                session.store()
            elif payload.get("transcript_path"):
                problem = NOT_COUNTED
    except files.LockTimeout:
        session = sessions.opened(home, session_id, lock, policy)
    except OSError as error:  # a full disk, a folder that cannot be written
        _fault(home, error)
        problem = "not kept: %s" % (error.strerror or error)
        session = sessions.opened(home, session_id, lock, policy)
        _count(session, payload)
    session_types.choose(session.state, policy)
    return session, problem or (NOT_COUNTED if state.UNCOUNTED in session.state.told else "")


def _count(session: sessions.Session, payload: "dict[str, Any]") -> bool:
    """Count the session's new bytes; whether the payload names a transcript that we may read."""
    named = payload.get("transcript_path")
    transcript = places.started_in(named) if type(named) is str else ""
    if not places.is_transcript(transcript, session.policy["config_dirs"]):
        return False
    session.watch(session.moved(transcript), str(payload.get("cwd") or ""))
    session_types.choose(session.state, session.policy)
    session.state.client_nano = _client_total(payload) or session.state.client_nano
    session.state.shown = plan.shown(payload, clock.now())
    session.count()
    return True


def _client_total(payload: "dict[str, Any]") -> int:
    cost = payload.get("cost")
    total = cost.get("total_cost_usd") if type(cost) is dict else None
    return round(total * money.NANO) if isinstance(total, (int, float)) else 0


def plan_windows(limits: object, now: int) -> str:
    """How full a plan's windows are; empty where there is no plan."""
    parts, windows = [], dict(plan.windows_of(limits, now))
    for key, label in WINDOWS:
        window = windows.get(key)
        if window is not None:
            resets = window["resets_at"] or 0
            full = plan.reached_at(key, window, now)
            notes = (
                ["resets in " + _span(resets - now)] if resets > now else ["has been reset"] if resets else []
            )
            notes += ["full in %s at this pace" % _span(full - now)] if full else []
            parts.append(
                "%s %d %%%s" % (label, window["percent"], " (%s)" % ", ".join(notes) if notes else "")
            )
    return SEPARATOR.join(parts)


def kept_windows(kept: "dict[str, Any]", now: int) -> str:
    """The plan's windows as they were last seen, with their age; a window that has been reset since says nothing."""
    parts = []
    for key, label in WINDOWS:
        window = kept.get(key)
        if window and (window["resets_at"] or 0) > now:
            parts.append("%s %d %% (%s ago)" % (label, window["percent"], _span(now - kept["as_of"])))
    return SEPARATOR.join(parts)


def _span(micros: int) -> str:
    hours, minutes = divmod(max(0, micros) // clock.MICRO // 60, 60)
    if hours >= 24:
        return "%d d" % (hours // 24)
    return "%d h %02d" % (hours, minutes)


def context(window: object) -> str:
    """How full the context window is."""
    used = plan.percent_of(window.get("used_percentage")) if isinstance(window, dict) else None
    return "context %d %%" % used if used is not None else ""


def session_part(session: sessions.Session) -> str:
    """The session's type, its tokens against the limit, and its dollars."""
    figures, limit = SessionFigures(session), limit_of(session)
    least = "≥ " if session.state.uncertain else ""
    dollars = "%s$%s" % (least, _cents(max(figures.cost_nano, 0)))
    if session.policy["billing"] == "plan":
        dollars += " at API prices, not billed"
    if figures.unpriced:
        dollars += " + %d unpriced" % figures.unpriced
    if figures.recached:
        dollars += ", %s tokens cached again, not counted" % grouped(figures.recached)
    return "%s %s%d %% (%s of %s)%s%s" % (
        session.state.type,
        least,
        figures.budget_tokens * 100 // limit,
        grouped(figures.budget_tokens),
        grouped(limit),
        SEPARATOR,
        dollars,
    )


def cache(prompt_cache: object) -> str:
    """Says so where the prompt cache has gone cold: going on rewrites it, which costs dollars but no budget tokens."""
    if not isinstance(prompt_cache, dict) or prompt_cache.get("warm") is not False:
        return ""
    tokens = prompt_cache.get("recache_tokens_if_cold")
    if type(tokens) is not int or not prompt_cache.get("caching_observed") or tokens < 1000:
        return ""
    return "cache cold: %s tokens to rewrite, not counted" % grouped(tokens)


def alerts(session: sessions.Session) -> str:
    """How many alerts fire for the session's module or for all; empty where none does."""
    fire = sum(
        1 for _, module, line, _ in session.policy["alerts"] if line and module in ("", session.state.module)
    )
    return "%d alert%s" % (fire, "" if fire == 1 else "s") if fire else ""


def month(session: sessions.Session) -> str:
    """The module's month: all its money, or what counts against its cap where Claude Code's spend does."""
    module, policy = session.state.module, session.policy
    found = months.MonthFile(session.home, module, policy, clock.now())
    if snapshot.module_policy(policy, module).get("counts_claude_code") and found.limit is not None:
        return "%s this month $%s of $%s" % (module, _cents(found.spent), _cents(found.limit))
    return "%s this month $%s" % (module, _cents(found.total)) if found.total else ""


def _cents(nano: int) -> str:
    return "%d.%02d" % divmod((nano + 5_000_000) // 10_000_000, 100)
