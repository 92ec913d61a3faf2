"""What a session cost that no transcript row tells of: compaction, prompt hooks, agent hooks.

The client keeps a running total and writes it when it exits (`cost-state`). For each total that a session's
file holds: total − what the total had carried in at its beginning − the session's own rows that it covers.
Between two totals that difference can only grow, so the largest one is booked; where it shrinks, the client has
forgotten spend (a process that was killed never wrote its total) and that is said.

While a session runs, or where the client writes no totals (2.1.197), the status line's running total stands for
it: there it may begin anew with each process, which books too little and never too much.

Which totals were carried in (measured on 2.1.330): `--fork-session` and resume carry the parent's total with its
starting instant; `/branch` and `/clear` start a new one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ingest.sessions import mark_of
from gaia_budget.ingest.stored import Known, responses_of
from gaia_budget.model import UNALLOCATED, Event
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ingest.sessions import FileState, Sessions
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings
    from gaia_budget.transcripts import Bookmark, ClientTotal

    Family = Mapping[int, list[tuple[str, int, ClientTotal]]]

TASK = "unattributed"
PRICE_SOURCE = "client"


class UnknownParent(Exception):
    """A total was carried in from a session whose own totals are not known."""


class Reckoned(NamedTuple):
    """The outcome for one session: what is unattributed, and what the client's total is short of its rows."""

    nano: int
    forgotten_nano: int


def event_id(session_id: str) -> str:
    """The id of a session's one unattributed event."""
    return f"unattributed-{session_id}"


def reconcile(ledger: Ledger, settings: Settings, costs: Costs, sessions: Sessions, report: Report) -> None:
    """Book what the clients' totals know beyond the rows, one event per session, where anything has changed."""
    states = sessions.states
    asked = {session for session, state in states.items() if not state.reckoned}
    if not asked:
        return
    known: dict[str, list[Known]] = defaultdict(list)
    for one in responses_of(ledger, asked):
        known[one.session_id].append(one)
    family = families(states)
    booked: list[Event] = []
    for session in sorted(asked):
        rows = [one for one in known[session] if one.kind == "response"]
        try:
            reckoned = reckon(states[session].bookmark, states[session].live_nano, rows, family, costs)
        except UnknownParent as reason:
            report.unreconciled[session] = str(reason)
            continue
        if reckoned.forgotten_nano:
            report.unreconciled[session] = "the client's total is short of the session's own rows"
        if reckoned.nano or len(rows) < len(known[session]):
            booked.append(_event(session, settings, states[session], reckoned.nano, rows))
    for session in asked:
        states[session].reckoned = session not in report.unreconciled
    marks = {sessions.paths[session]: mark_of(states[session]) for session in asked}
    report.recorded(ledger.record(booked, bookmarks=marks), responses=False)


def families(states: Mapping[str, FileState]) -> dict[int, list[tuple[str, int, ClientTotal]]]:
    """All totals by the instant they began at: (session, when its file began, total)."""
    found: dict[int, list[tuple[str, int, ClientTotal]]] = defaultdict(list)
    for session, state in states.items():
        for total in state.bookmark.totals:
            found[total.started].append((session, state.bookmark.began, total))
    return found


def reckon(mine: Bookmark, live_nano: int, rows: Sequence[Known], family: Family, costs: Costs) -> Reckoned:
    """Compare a session's own totals with its rows, at list price. Raises UnknownParent."""
    priced = [
        (one.ts, one.model, costs.listed(one.model, one.usage, one.ts, one.cost_nano, one.price_source))
        for one in rows
    ]
    nano = forgotten = 0
    for started in dict.fromkeys(total.started for total in mine.totals):
        totals = [one for one in mine.totals if one.started == started]
        carried = _carried(mine, totals[0], family)
        largest = last = 0
        for total in totals:
            covered = [
                row for row in priced if started <= row[0] and (not total.until or row[0] < total.until)
            ]
            own = sum(cost or 0 for _, _, cost in covered)
            doubtful = {model for _, model, cost in covered if cost is None}
            last = total.nano - own - (carried.nano if carried else 0) - _guessed(total, carried, doubtful)
            largest = max(largest, last)
        if started == mine.totals[-1].started and live_nano > mine.totals[-1].nano:
            largest = max(largest, _live(live_nano - (carried.nano if carried else 0), started, priced))
        nano, forgotten = nano + largest, forgotten + largest - last
    if rows and not mine.totals and not mine.payer:  # what a fork carried in, only a written total tells
        nano = max(0, _live(live_nano, 0, priced))
    return Reckoned(nano, forgotten)


def _live(nano: int, started: int, priced: Iterable[tuple[int, str, int | None]]) -> int:
    """What a status line's total knows beyond the rows; nothing where it may hold a price that was guessed."""
    costs = [cost for ts, _, cost in priced if ts >= started]
    return 0 if None in costs else nano - sum(cost or 0 for cost in costs)


def _guessed(total: ClientTotal, carried: ClientTotal | None, models: set[str]) -> int:
    """What the client booked for models whose price neither it nor we know: another model's price."""
    before = carried.models if carried else {}
    return sum(total.models.get(model, 0) - before.get(model, 0) for model in models)


def _carried(mine: Bookmark, total: ClientTotal, family: Family) -> ClientTotal | None:
    """The total that this one began with: the parent's last one before the fork; None when it began at nothing."""
    elders = [(name, one) for name, began, one in family[total.started] if began < mine.began]
    copied_since = bool(mine.payer) and mine.copied >= total.started
    if copied_since:
        elders = [elder for elder in elders if elder[0] == mine.payer] or elders
    written = [one for _, one in elders if one.after <= mine.began and one.nano <= total.nano]
    if (copied_since or elders) and not written:
        parent = mine.payer if copied_since else elders[0][0]
        raise UnknownParent(f"it carries on a total of session {parent}, which is not known as it was then")
    return max(written, key=lambda one: (one.after, one.nano)) if written else None


def _event(session: str, settings: Settings, state: FileState, nano: int, rows: Sequence[Known]) -> Event:
    """The one event of a session's unattributed spend, at its newest total.

    Of two such events the later stands, so a reckoning that knows more rows is later by microseconds.
    """
    return Event(
        event_id=event_id(session),
        ts=max([*(total.after for total in state.bookmark.totals), *(row.ts for row in rows)]) + len(rows),
        kind="unattributed",
        source="claude_code",
        billing=settings.billing,
        org=settings.org,
        user=settings.user,
        machine=settings.machine,
        module=state.module or UNALLOCATED,
        provider=argus.PROVIDER,
        model=TASK,  # no model is known; a report by model names what the money is instead
        task=TASK,
        session_id=session,
        cost_nano=nano,
        price_source=PRICE_SOURCE,
        correlation_id=session,
    )
