"""Claude Code's status line: JSON on stdin, one line out, at the price of a hook.

Its parts and their order are the setting `statusline`; what does not fit goes by rank, the least useful first.
"""

import time

from gaia_hooks.facts import names, places, session_types, snapshot, trust
from gaia_hooks.facts.prices import money, plan
from gaia_hooks.machine import clock, files, jsonio, system
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import months, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

LOCK_SECONDS = 0.2
STDIN_LIMIT = 1 << 20
NOT_COUNTED = "not counted (gaia-budget doctor)"
WIDTH, NARROWEST, WIDEST = 80, 20, 500  # where the client tells none, and what can be one
WINDOWS = (("five_hour", "5h"), ("seven_day", "7d"))
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NAME_WIDTH = 24
WORTH_REWRITING = 1_000  # tokens of a cold cache: fewer are no news
WORTH_EXPLAINING = 10  # percent of the limit that was written again: below it is noise

# Ranks: the highest goes first where it gets narrow. Windows and the session's percent always stay.
ALWAYS, MONTH, DOLLARS, FULL_AT, LIMIT, RESETS_AT, CONTEXT, CACHE, NOTES = 0, 1, 2, 3, 4, 5, 6, 7, 8
WARNS, CRITICAL = 80, 95  # percent, from which a figure is coloured
COLOURS = {WARNS: "\033[33m%s\033[39m", CRITICAL: "\033[1;31m%s\033[22;39m"}


class Piece:
    """Words that stay or go together. The highest `rank` goes first; what is ranked `ALWAYS` stays."""

    __slots__ = ("level", "rank", "text")

    def __init__(self, text: str, rank: int = ALWAYS, level: int = 0) -> None:
        self.text = text
        self.rank = rank
        self.level = level


def run(data: "bytes | None" = None) -> None:
    """Print the line for the JSON in `data`, else on stdin; what goes wrong is logged and the line stays short."""
    trust.forget_project_variables()
    if places.off():
        return
    home = places.home()
    try:
        payload = jsonio.loads(system.read_stdin(STDIN_LIMIT) if data is None else data)
        policy = snapshot.load(home)
        text = line(_parts(home, payload, policy), width(), not system.variable("NO_COLOR"))
        files.write_all(1, (text + "\n").encode("utf-8"))
    except Exception as error:
        _fault(home, error)


def width() -> int:
    """The columns that the client tells of."""
    told = system.variable("COLUMNS")
    number = int(told) if told.isdecimal() else 0
    return number if NARROWEST <= number <= WIDEST else WIDTH


def _fault(home: str, error: BaseException) -> None:
    from gaia_hooks.machine import log

    log.fault(home, "statusline", error)


def _parts(home: str, payload: "dict[str, Any]", policy: "dict[str, Any]") -> "list[list[Piece]]":
    limits, now, problem = payload.get("rate_limits"), clock.now(), ""
    windows = told_windows(limits, now) if limits else kept_windows(plan.read(home), now)
    made: dict[str, Callable[[], list[list[Piece]]]] = {
        "plan": lambda: windows,
        "context": lambda: [context(payload.get("context_window"))],
    }
    if state.is_session_id(payload.get("session_id")):
        session, problem = _counted(home, payload, policy)
        if limits and not problem:
            plan.keep(home, limits, now)
        made["session"] = lambda: [session_part(session)]
        made["cache"] = lambda: [cache(payload.get("prompt_cache"))]
        made["month"] = lambda: [month(session, now)]
        made["alerts"] = lambda: [alerts(session)]
    chosen = [part for name in policy["statusline"] if name in made for part in made[name]()]
    return [*chosen, [Piece(problem, level=CRITICAL)] if problem else []]


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
    if not problem and state.UNCOUNTED in session.state.told and not files.exists(session.state.transcript):
        problem = NOT_COUNTED
    return session, problem


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


def told_windows(limits: object, now: int) -> "list[list[Piece]]":
    """How full a plan's windows are, and when they are full or begin anew; empty where there is no plan."""
    parts, windows = [], dict(plan.windows_of(limits, now))
    for key, label in WINDOWS:
        window = windows.get(key)
        if window is None:
            continue
        resets = window["resets_at"]
        if resets is not None and resets <= now:
            parts.append([Piece(label), Piece("begins anew")])
            continue
        part = [Piece(label), percent(window["percent"])]
        full = plan.reached_at(key, window, now)
        if full:
            part.append(Piece("full " + instant(full, now), FULL_AT))
        elif resets is not None:
            part.append(Piece("to " + instant(resets, now), RESETS_AT))
        parts.append(part)
    return parts


def kept_windows(kept: "dict[str, Any]", now: int) -> "list[list[Piece]]":
    """The plan's windows as they were last seen, with their age; a window that has been reset since says nothing."""
    parts = []
    for key, label in WINDOWS:
        window = kept.get(key)
        if window and (window["resets_at"] or 0) > now:
            age = Piece("%s ago" % span(now - kept["as_of"]))
            parts.append([Piece(label), percent(window["percent"]), age])
    return parts


def span(micros: int) -> str:
    """How long something is ago: one unit, cut."""
    minutes = max(0, micros) // clock.MICRO // 60
    return "%d min" % minutes if minutes < 60 else "%d h" % (minutes // 60)


def instant(at: int, now: int) -> str:
    """An instant as people say it here: the hour, with its day where that is not today."""
    then, today = time.localtime(at // clock.MICRO), time.localtime(now // clock.MICRO)
    hour = "%02d:%02d" % (then.tm_hour, then.tm_min)
    return hour if then[:3] == today[:3] else "%s %s" % (DAYS[then.tm_wday], hour)


def context(window: object) -> "list[Piece]":
    """How full the context window is."""
    used = plan.percent_of(window.get("used_percentage")) if isinstance(window, dict) else None
    return [Piece("context %d %%" % used, CONTEXT)] if used is not None else []


def session_part(session: sessions.Session) -> "list[Piece]":
    """The session's tokens against its limit, and its dollars."""
    figures, limit = SessionFigures(session), limit_of(session)
    least = "≥ " if session.state.uncertain else ""
    cost = least + dollars(max(figures.cost_nano, 0))
    if figures.unpriced:
        cost += " + %d without a known price" % figures.unpriced
    part = [
        Piece("session"),
        percent(figures.budget_tokens * 100 // limit, least=least),
        Piece("of %s" % grouped(limit), LIMIT),
        Piece(cost, DOLLARS),
    ]
    if session.policy["billing"] == "plan":
        part.append(Piece("not billed", NOTES))
    if figures.recached * 100 >= limit * WORTH_EXPLAINING:
        part.append(Piece("(%s tokens written again, not counted)" % grouped(figures.recached), NOTES))
    return part


def cache(prompt_cache: object) -> "list[Piece]":
    """Says so where the prompt cache has gone cold: going on writes it again, which costs dollars; else its hits."""
    if not isinstance(prompt_cache, dict):
        return []
    if prompt_cache.get("warm") is False:
        tokens = prompt_cache.get("recache_tokens_if_cold")
        if type(tokens) is not int or tokens < WORTH_REWRITING or not prompt_cache.get("caching_observed"):
            return []
        return [Piece("cache cold: going on writes %s tokens again" % grouped(tokens), CACHE)]
    hits = prompt_cache.get("hit_ratio")
    if not isinstance(hits, (int, float)) or not 0 < hits <= 1:
        return []
    return [Piece("cache %d %%" % (hits * 100), CACHE)]


def alerts(session: sessions.Session) -> "list[Piece]":
    """How many alerts fire for the session's module or for all; empty where none does."""
    fire = sum(
        1 for _, module, line, _ in session.policy["alerts"] if line and module in ("", session.state.module)
    )
    return [Piece("▲ %d alert%s" % (fire, "" if fire == 1 else "s"), NOTES)] if fire else []


def month(session: sessions.Session, now: int) -> "list[Piece]":
    """The project's month: what counts against its cap where something does, else all that it has spent."""
    found = months.of_session(session, now)
    if (found.counts or found.spent) and found.limit:
        amount = "%s of %s" % (dollars(found.spent), dollars(found.limit, whole=True))
    elif found.total:
        when = "in " + MONTHS[int(found.begins_on[5:7]) - 1] if found.begins_on else "so far"
        amount = "%s %s" % (dollars(found.total), when)
    else:
        return []
    return [Piece("%s %s" % (names.said(session.state.module, NAME_WIDTH), amount), MONTH)]


def dollars(nano: int, whole: bool = False) -> str:
    """Nano-dollars to the cent."""
    return money.dollars(money.cents(nano), whole)


def percent(value: float, rank: int = ALWAYS, least: str = "") -> Piece:
    """A share, cut to a whole percent: 79.9 is not yet 80."""
    level = CRITICAL if value >= CRITICAL else WARNS if value >= WARNS else 0
    return Piece("%s%d %%" % (least, value), rank, level)


def line(parts: "Iterable[list[Piece]]", width: int, colours: bool = False) -> str:
    """The parts, each its pieces with blanks between, in at most `width` columns.

    Where even what always stays is wider, it stays all the same: the client cuts it, a figure is never left out.
    """
    parts = [part for part in parts if part]
    while True:
        text = _joined(parts, False)
        highest = max((piece.rank for part in parts for piece in part), default=ALWAYS)
        if len(text) <= width or highest == ALWAYS:
            return _joined(parts, colours)
        kept = [[piece for piece in part if piece.rank < highest] for part in parts]
        parts = [part for part in kept if part]


def _joined(parts: "Iterable[list[Piece]]", colours: bool) -> str:
    return " · ".join(" ".join(_shown(piece, colours) for piece in part) for part in parts)


def _shown(piece: Piece, colours: bool) -> str:
    return COLOURS[piece.level] % piece.text if colours and piece.level else piece.text
