"""What a session cost that no transcript row tells of: compaction, prompt hooks, agent hooks.

The client keeps running totals of its tokens by model and writes them when it exits (`cost-state`). For each total that
a session's file holds: its tokens − those it had carried in at its beginning − those of the session's own rows that it
covers, model by model, at our prices. Its dollars are never compared: they are made with a price table of its own,
which may be older than the model, guessed, or a contract's. Between two totals the difference can only grow, so the
largest one is booked; where it shrinks, the client has forgotten spend (a process that was killed never wrote its
total) and that is said.

Which totals were carried in (measured on 2.1.330): `--fork-session` and resume carry the parent's total with its
starting instant; `/branch` and `/clear` start a new one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ingest.sessions import mark_of
from gaia_budget.ingest.stored import StoredResponse, responses_of
from gaia_budget.model import UNALLOCATED, Event
from gaia_hooks.facts.tokens.usage import REASONING, SEARCHES
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ingest.sessions import FileState, Sessions
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings
    from gaia_budget.transcripts.reading import ClientTotal, ReadingPosition

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
    known: dict[str, list[StoredResponse]] = defaultdict(list)
    for one in responses_of(ledger, asked):
        known[one.session_id].append(one)
    family = families(states)
    booked: list[Event] = []
    for session in sorted(asked):
        rows = [one for one in known[session] if one.kind != "unattributed"]
        try:
            reckoned = reckon(states[session].bookmark, rows, family, costs)
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


def reckon(mine: ReadingPosition, rows: Sequence[StoredResponse], family: Family, costs: Costs) -> Reckoned:
    """Compare a session's own totals with its rows. Raises UnknownParent."""
    nano = forgotten = 0
    for started in dict.fromkeys(total.started for total in mine.totals):
        totals = [one for one in mine.totals if one.started == started]
        carried = _carried(mine, totals[0], family)
        largest = last = 0
        for total in totals:
            since, until = total.since or started, total.until
            own = [row for row in rows if since <= row.ts and (not until or row.ts < until)]
            last = _beyond(total, carried, own, costs)
            largest = max(largest, last)
        nano, forgotten = nano + largest, forgotten + largest - last
    return Reckoned(nano, forgotten)


def _beyond(
    total: ClientTotal, carried: ClientTotal | None, own: Iterable[StoredResponse], costs: Costs
) -> int:
    """Nano-dollars of the tokens that a total knows beyond the rows; of models without a price: nothing."""
    left: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    sightings = [(name, usage, 1) for name, usage in total.models.items()]
    sightings += [(name, usage, -1) for name, usage in carried.models.items()] if carried else []
    sightings += [(row.model, row.usage, -1) for row in own]
    for name, usage, sign in sightings:
        key = costs.key(name)
        names.setdefault(key, name)
        amounts = left.setdefault(key, [0] * len(usage))
        for place, tokens in enumerate(usage):
            amounts[place] += sign * tokens
    ts = total.after or total.started
    unknown = (tuple(max(0, tokens) for tokens in amounts[:REASONING]) for amounts in left.values())
    return sum(
        costs.of(names[key], "", (*usage, 0, max(0, left[key][SEARCHES])), ts).nano or 0
        for key, usage in zip(left, unknown, strict=True)
    )


def _carried(mine: ReadingPosition, total: ClientTotal, family: Family) -> ClientTotal | None:
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


def _event(
    session: str, settings: Settings, state: FileState, nano: int, rows: Sequence[StoredResponse]
) -> Event:
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
