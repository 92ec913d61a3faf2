"""What hooks are told of months: spent, what overrides add to a cap, and what they have still to note themselves.

A transcript is read up to its last row; a hook notes a response's money when it is over. So the snapshot names the
responses whose money its month has already, and `gaia_hooks.session.months` counts of their notes what is more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places, snapshot
from gaia_budget.alerts import evaluation
from gaia_budget.budgets import Budgets
from gaia_budget.errors import ConfigError
from gaia_budget.snapshot import Months
from gaia_hooks.machine import clock
from gaia_hooks.session import sessions, state, state_file

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings


def months(ledger: Ledger, settings: Settings, counted_to: int) -> Months:
    """Every module with spend this month: (what counts against its cap, everything), in nano-dollars."""
    figures: dict[str, tuple[int, int]] = {}
    for row in ledger.spend(by=("module",), since="month").rows:
        name = row.key[0]
        month = Budgets(ledger).month(name)
        counts = settings.module(name).counts_claude_code
        figures[name] = (month.spent_nano(counts_claude_code=counts), row.figures.cost_nano)
    return Months(figures, counted_to)


def lifts(ledger: Ledger) -> dict[str, list[list[int]]]:
    """What overrides add to each module's month, as [until when (microseconds), nano-dollars].

    Those of one task do not count here: Claude Code's calls have none.
    """
    found: dict[str, list[list[int]]] = {}
    for name, month in Budgets(ledger).months().items():
        if month.override_nano:
            found.setdefault(name, []).append([month.end_ts, month.override_nano])
    for override in Budgets(ledger).active_overrides():
        if not override.task:
            found.setdefault(override.module, []).append([override.expires_ts, override.left_nano])
    return found


def cover_overspend(ledger: Ledger, settings: Settings) -> None:
    """Use overrides up by what Claude Code has spent beyond a cap that it counts against: it asks nobody before."""
    from gaia_budget.owner import load_token_budget

    granted = {override.module for override in Budgets(ledger).active_overrides()}
    counted = [name for name in granted if settings.module(name).counts_claude_code]
    if not counted:
        return
    try:
        budget = load_token_budget()
    except ConfigError:
        return  # without limits nothing is beyond them; the broken file is told elsewhere
    for name in sorted(counted):
        limit = budget.module_or_default(name, settings).limit_nano
        Budgets(ledger).cover_overspend(Budgets(ledger).module_scope(name, limit, counts_claude_code=True))


def tell_hooks(ledger: Ledger, settings: Settings) -> None:
    """Let hooks know at once of an override that was granted or revoked, and of an alert that was taken note of."""
    state = evaluation.evaluate(ledger, settings)
    snapshot.write(settings, lifts=lifts(ledger), alerts=state.for_hooks())


NEWER = (
    "SELECT event_id, cost_nano FROM events WHERE org = ? AND session_id = ? AND ts > ? AND kind = 'response' "
    "AND cost_nano > 0"
)
NEWEST = "SELECT session_id, last_ts FROM sessions WHERE org = ? ORDER BY last_ts DESC LIMIT ?"
MOST_TAKEN = (
    100  # each costs every hook a little; an older session's money may count twice until the next run
)
OPEN = "SELECT event_id, cost_nano FROM events WHERE org = ? AND event_id IN ({}) AND cost_nano > 0"


class Unsettled(NamedTuple):
    """One watched session as hooks know it: its open responses with their parts, the newest instant they have seen."""

    session_id: str
    keys: list[str]
    last_ts: int


class Before(NamedTuple):
    """What hooks know when a run begins: the sessions that they watch, and of those the ones that are not over."""

    watched: frozenset[str]
    open: list[Unsettled]


def before() -> Before:
    """To be asked before anything is taken in."""
    return Before(frozenset(sessions.ids(str(places.home()))), unsettled())


def taken(ledger: Ledger, known: Before) -> dict[str, int]:
    """Until which instant (microseconds) the ledger holds sessions that hooks had not seen when the run began.

    Hooks that meet one later read its transcript from the start: what the month's figure has is not noted again.
    """
    rows = ledger.db.ask(lambda ask: list(ask(NEWEST, (ledger.org, MOST_TAKEN))))
    home = str(places.home())
    return {
        str(session): int(last)
        for session, last in rows
        if session not in known.watched and not sessions.is_at_rest(home, session)
    }


def unsettled() -> list[Unsettled]:
    """The watched sessions that are not over."""
    home, found = str(places.home()), []
    for session_id in sessions.ids(home):
        try:
            mine = state_file.load(home, session_id)
        except (OSError, state.NewerState):
            continue  # it is named where it is settled
        if mine.fresh or mine.ended:
            continue
        threads = mine.threads.values()
        growing = [one.thread.open for one in threads if one.thread.open is not None]
        keys = [one.key for response in growing for one in (response, *response.parts)]
        found.append(
            Unsettled(session_id, keys, max((clock.parse(one.last) or 0 for one in threads), default=0))
        )
    return found


def ahead(ledger: Ledger, known: Before) -> dict[str, int]:
    """Nano-dollars by event of what the ledger holds of those sessions and hooks had not noted then."""
    found: dict[str, int] = {}
    for one in known.open:
        rows = ledger.db.ask(lambda ask, one=one: list(ask(NEWER, (ledger.org, one.session_id, one.last_ts))))  # type: ignore[misc]
        if one.keys:
            sql = OPEN.format(", ".join("?" * len(one.keys)))
            rows += ledger.db.ask(lambda ask, sql=sql, one=one: list(ask(sql, (ledger.org, *one.keys))))  # type: ignore[misc]
        found.update((str(event_id), int(nano)) for event_id, nano in rows)
    return found
