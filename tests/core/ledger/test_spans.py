"""A session's events are found by when it spent, whatever became known of them and in whichever order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_budget.budgets import Budgets
from gaia_budget.ingest.stored import responses_of
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.migrations import MIGRATIONS, migrate
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.verify import verify
from support.events import event, events, ts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event

SESSIONS = ("s1", "s2")


def held(ledger: Ledger, session: str) -> int:
    """How many events of a session there are, by looking at all of them."""
    rows = ledger.db.ask(lambda ask: ask("SELECT count(*) FROM events WHERE session_id = ?", (session,)))
    return int(next(iter(rows))[0])


def test_an_event_earlier_or_later_than_all_known_ones_is_found(ledger: Ledger) -> None:
    for number, at in enumerate(["2026-11-23T12:00", "2026-09-01T00:00", "2027-03-01T00:00"]):
        ledger.record([event(f"e{number}", at, session_id="s", cost_nano=10**number)])

    assert ledger.spend((), session="s").total.cost_nano == 111
    known = ledger.session("s")
    assert known is not None
    assert (known.first_ts, known.last_ts, known.cost_nano) == (
        ts("2026-09-01T00:00"),
        ts("2027-03-01T00:00"),
        111,
    )


def test_an_event_whose_session_or_instant_becomes_known_later_is_found(ledger: Ledger) -> None:
    ledger.record([event("a", session_id="s"), event("b", "2026-11-24T12:00")])

    ledger.record([event("a", "2026-11-20T12:00"), event("b", "2026-11-24T12:00", session_id="s")])

    assert ledger.spend((), session="s").total.responses == 2
    assert verify(ledger) == []


def test_a_session_that_nobody_knows_has_spent_nothing(ledger: Ledger) -> None:
    ledger.record([event("a", session_id="s")])

    assert ledger.session("other") is None
    assert ledger.spend(("model",), session="other").rows == []


@given(batches=st.lists(st.lists(events(), max_size=8), max_size=5), session=st.sampled_from(SESSIONS))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_span_hides_an_event(ledger: Ledger, batches: list[list[Event]], session: str) -> None:
    ledger.db.write(lambda tx: [tx.text(f"DELETE FROM {name}") for name in ("events", "sessions", "rollups")])
    for batch in batches:
        ledger.record(batch)

    assert ledger.spend((), session=session).total.events == held(ledger, session)
    assert len(list(responses_of(ledger, [session]))) == held(ledger, session)
    assert [problem for problem in verify(ledger) if problem.check == "sessions"] == []


def test_a_large_batch_on_rows_that_are_there_widens_the_spans_as_well(ledger: Ledger) -> None:
    many = [event(f"e{number}", session_id=f"s{number % 100}") for number in range(300)]
    ledger.record(many[:150])

    ledger.record([event(f"e{number}", "2026-11-01T00:00", session_id="s7") for number in range(1000, 1200)])
    ledger.record(many)

    assert ledger.spend((), session="s7").total.responses == 203
    assert verify(ledger) == []


def test_events_of_no_session_can_be_asked_for(ledger: Ledger) -> None:
    ledger.record([event("a", cost_nano=2), event("b", session_id="s", cost_nano=5)])

    assert ledger.spend((), session="").total.cost_nano == 2


def test_what_an_older_program_recorded_after_an_upgrade_is_found_once_it_is_seen_again(
    ledger: Ledger,
) -> None:
    ledger.record([event("a", session_id="s")])
    ledger.db.write(lambda tx: tx.text("DELETE FROM sessions") and None)
    assert [problem.place for problem in verify(ledger)] == ["s"]

    assert ledger.record([event("a", session_id="s")]).duplicates == 1

    assert ledger.spend((), session="s").total.responses == 1
    assert verify(ledger) == []


def test_sessions_far_apart_are_read_with_every_event(ledger: Ledger) -> None:
    ledger.record(
        [
            event(f"e{number}", f"20{20 + number // 10}-0{1 + number % 9}-05T12:00", session_id=f"s{number}")
            for number in range(60)
        ]
    )

    known = list(responses_of(ledger, [f"s{number}" for number in range(0, 60, 2)]))

    assert sorted(one.session_id for one in known) == sorted(f"s{number}" for number in range(0, 60, 2))


def test_an_older_ledger_is_upgraded_with_its_sessions_and_its_open_calls(
    url: str, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    old = Database(parse_url(url))
    migrate(old, tmp_path, MIGRATIONS[:3])
    old.write(
        lambda tx: [
            tx.text(
                "INSERT INTO events (org, event_id, ts, kind, source, billing, module, session_id, cost_nano) "
                "VALUES ('default', 'e', 1795435200000000, 'response', 'app', 'api', 'via', 's', 7)"
            ),
            tx.text("INSERT INTO budgets (org, scope, reserved_nano) VALUES ('default', 'session:s', 5)"),
            *(
                tx.text(
                    "INSERT INTO reservations (org, reservation_id, scopes, estimate_nano, state, actual_nano, "
                    "created_ts, expires_ts) VALUES ('default', ?, '[\"session:s\"]', ?, ?, ?, 1, 2)",
                    row,
                )
                for row in [
                    ("call", 5, "open", None),
                    ("before", 4, "settled", 0),
                    ("lost", 0, "expired", None),
                ]
            ),
        ]
    )
    old.close()

    ledger = make()

    assert ledger.spend((), session="s").total.cost_nano == 7
    Budgets(ledger).settle("call", 3)
    Budgets(ledger).settle("before", 4)  # once more: changes nothing
    assert Budgets(ledger).expire() == 0
    assert "reservations" not in {problem.check for problem in verify(ledger)}
