"""One call that several hands wrote down: the app's own line, our middleware's line, a row of `api_costs`.

Records of different hands with the same model and tokens within two seconds are taken for one call, each
partner once. Two records of the same hand are two calls.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gaia_budget.ingest.stored import AppCall, app_calls, sessions_of
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.argus.shapes import LoggedCall
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event

NEAR = 2 * clock.MICRO
DATABASE_ROW = "api_costs-"
LOG_LINE = "line-"

Likeness = tuple[str, int, int]


def hand(event_id: str) -> str:
    """Who wrote a record, by the form of its id: an app's log, jSeeker's database, or our middleware."""
    return next((mark for mark in (DATABASE_ROW, LOG_LINE) if event_id.startswith(mark)), "")


def likeness(call: Event | AppCall) -> Likeness:
    """What two records of one call have in common."""
    return call.model, call.input_tokens, call.output_tokens


class Overlaps:
    """Recognises calls that the ledger holds already by another hand."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._taken: set[tuple[str, str]] = set()  # (partner, hand) pairs that have found each other

    def once(self, file: Path, calls: list[LoggedCall], report: Report) -> list[LoggedCall]:
        """The calls that no other hand has recorded yet; the others are reported with their partner's id."""
        doubtful = [call.event for call in calls if call.event.source == "app"]
        if not doubtful:
            return calls
        partners = self._partners(doubtful)
        known = sessions_of(self._ledger, [event.event_id for event in doubtful])
        kept = []
        for call in sorted(
            calls, key=lambda one: one.legacy
        ):  # of one file, our middleware's fuller record stays
            event, twin = call.event, None
            if event.source == "app" and event.event_id not in known:
                twin = self._twin(event, partners)
            if twin is None:
                kept.append(call)
                partners[likeness(event)].append((event.ts, event.event_id))
            else:
                report.skip(file, 0, f"{event.event_id} is the same call as {twin}: counted once")
        return kept

    def _partners(self, calls: list[Event]) -> dict[Likeness, list[tuple[int, str]]]:
        first, last = min(call.ts for call in calls), max(call.ts for call in calls)
        found: dict[Likeness, list[tuple[int, str]]] = defaultdict(list)
        for one in app_calls(self._ledger, first - NEAR, last + NEAR):
            found[likeness(one)].append((one.ts, one.event_id))
        return found

    def _twin(self, event: Event, partners: dict[Likeness, list[tuple[int, str]]]) -> str | None:
        mine = hand(event.event_id)
        if not event.input_tokens and not event.output_tokens:
            return None  # nothing to recognise it by
        near = [
            (abs(ts - event.ts), event_id)
            for ts, event_id in partners.get(likeness(event), ())
            if abs(ts - event.ts) <= NEAR and hand(event_id) != mine and (event_id, mine) not in self._taken
        ]
        if not near:
            return None
        twin = min(near)[1]
        self._taken.add((twin, mine))
        return twin
