"""A row that cannot be a fact is kept apart and named: it ends nothing, and no sum holds it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.migrations import MIGRATIONS, migrate
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.verify import verify
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.ledger import Ledger

YEAR_1, YEAR_9999 = -62_135_596_800_000_000, 253_402_300_799_999_999
ABSURD: list[dict[str, Any]] = [
    {"ts": YEAR_1},
    {"ts": YEAR_9999},
    {"ts": 2**63 - 1},
    {"input_tokens": 2**63 - 1},
    {"cache_read_tokens": 2**64 + 7},
    {"cost_nano": 2**62},
    {"ts": None},
]


def aside(ledger: Ledger) -> dict[str, dict[str, Any]]:
    rows = ledger.db.ask(lambda ask: ask("SELECT event_id, fact FROM events_set_aside", ()))
    return {event_id: json.loads(fact) for event_id, fact in rows}


@pytest.mark.parametrize("absurd", ABSURD, ids=str)
def test_what_cannot_be_is_set_aside_and_the_rest_of_its_batch_is_counted(
    ledger: Ledger, absurd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    from msgspec.structs import replace

    bad = replace(event("bad", session_id="s", branch="a\0b"), **absurd)

    for _ in range(2):
        ledger.record([event("a", cost_nano=3, session_id="s"), bad])

    assert ledger.spend(("day",)).total.cost_nano == 3
    assert [fact.items() >= absurd.items() for fact in aside(ledger).values()] == [True]
    assert "bad is set aside" in caplog.text
    assert verify(ledger) == []


def test_a_call_whose_usage_cannot_be_costs_what_its_caller_assumes(ledger: Ledger) -> None:
    budgets = Budgets(ledger)
    budgets.reserve([budgets.module_scope("jseeker", 100)], 60, call_id="c")

    budgets.settle("c", 40, event("bad", input_tokens=2**63, cost_nano=40))

    assert (budgets.month("jseeker").assumed_nano, budgets.month("jseeker").reserved_nano) == (40, 0)
    assert verify(ledger) == []


@pytest.mark.parametrize("schema", [3, 4, 5])  # the sixth migration sets such rows aside
def test_a_ledger_that_holds_such_rows_opens_again_with_right_sums(
    url: str, make: Callable[..., Ledger], tmp_path: Path, schema: int
) -> None:
    """Ledgers of every earlier form, as programs of that time left them."""
    old = Database(parse_url(url))
    migrate(old, tmp_path, MIGRATIONS[:schema])
    insert = (
        "INSERT INTO events (org, event_id, ts, kind, source, billing, module, session_id, input_tokens, cost_nano) "
        "VALUES ('default', ?, ?, 'response', 'app', 'api', 'via', ?, ?, ?)"
    )
    november = 1_795_435_200_000_000
    facts = [
        ("a", november, "s", 5, 7),
        ("b", YEAR_1, "s", 5, 7),
        ("c", 2**63 - 1, "t", 5, 7),
        ("d", november, "s", 2**63 - 1, 7),
    ]
    old.write(lambda tx: tx.many(insert, facts))
    if schema > 3:
        spans = [("s", YEAR_1, november), ("t", 2**63 - 1, 2**63 - 1)]
        old.write(lambda tx: tx.many("INSERT INTO sessions VALUES ('default', ?, ?, ?)", spans))
    zone = "INSERT INTO orgs (org, zone, zone_offsets) VALUES ('default', 'UTC', 'as it was')"
    old.write(lambda tx: tx.text(zone) and None)
    old.close()

    ledger = make()

    assert set(aside(ledger)) == {"b", "c", "d"}
    assert aside(ledger)["d"]["input_tokens"] == 2**63 - 1
    assert ledger.spend(("day",)).total[:4] == (1, 1, 0, 5)
    assert ledger.spend((), session="s").total.cost_nano == 7
    assert Budgets(ledger).month("via", "2026-11-25").app_nano == 7
    assert ledger.session("t") is None
    assert verify(ledger) == []
    ledger.record([event("e", session_id="s", cost_nano=1, module="via")])
    assert verify(ledger) == []
