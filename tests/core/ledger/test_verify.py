"""`verify` finds what another hand has done to a ledger; `rebuild` mends it from the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.budgets.held import LeaseReport
from gaia_budget.budgets.limits import Scope
from gaia_budget.ledger import Bookmark, Ledger
from gaia_budget.ledger.rebuild import compare, rebuild
from gaia_budget.ledger.verify import verify
from gaia_budget.settings.keys import Settings
from support.clock import Clock
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOLLAR = 1_000_000_000
AT = "2026-11-23T12:00"

FAULTS = {
    "an event's cost was changed": (
        "UPDATE events SET cost_nano = cost_nano + 1 WHERE event_id = 'e1'",
        "sums",
    ),
    "an event was deleted": ("DELETE FROM events WHERE event_id = 'e2'", "sums"),
    "an event was added past the sums": (
        "INSERT INTO events (org, event_id, ts, kind, source, billing, module) "
        "VALUES ('default', 'x', 1795435200000000, 'response', 'app', 'api', 'jseeker')",
        "sums",
    ),
    "a sum was changed": (
        "UPDATE rollups SET output_tokens = output_tokens + 1 WHERE grain = 'hour' AND module = 'jseeker'",
        "sums",
    ),
    "a sum was deleted": ("DELETE FROM rollups WHERE grain = 'day' AND module = 'via'", "sums"),
    "a month's spend was lowered": (
        "UPDATE budgets SET app_nano = 0 WHERE scope = 'module:jseeker:2026-11'",
        "months",
    ),
    "money is held that nobody holds": (
        "UPDATE budgets SET reserved_nano = reserved_nano + 5 WHERE scope = 'session:s'",
        "reservations",
    ),
    "an open reservation vanished": (
        "DELETE FROM reservations WHERE reservation_id = 'open'",
        "reservations",
    ),
    "a lease says it has spent less": ("UPDATE leases SET spent_nano = spent_nano - 1", "reservations"),
    "an override was made unused": ("UPDATE overrides SET used_nano = 0", "overrides"),
    "a draw vanished": ("DELETE FROM override_draws", "overrides"),
    "a settled call lost its event": (
        "UPDATE reservations SET event_id = 'gone' WHERE event_id = 'e1'",
        "events",
    ),
    "a session's span was narrowed": ("UPDATE sessions SET last_ts = first_ts - 1", "sessions"),
    "a session's span is gone": ("DELETE FROM sessions", "sessions"),
    "a table is gone": ("DROP TABLE outcomes", "tables"),
}


@pytest.fixture
def used(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger in which everything has been used."""
    clock = Clock(AT)
    monkeypatch.setattr(type(ledger), "now", lambda _: clock.ts)
    scopes = [Budgets(ledger).module_scope("jseeker", 10 * DOLLAR), Scope("session:s", 50 * DOLLAR)]
    ledger.record([event("e2", AT, module="via", session_id="s", output_tokens=3, cost_nano=4)])
    Budgets(ledger).add_override("jseeker", 5 * DOLLAR, "report")
    Budgets(ledger).reserve(scopes, 8 * DOLLAR, call_id="done")
    Budgets(ledger).settle("done", 8 * DOLLAR, event("e1", AT, output_tokens=9, cost_nano=8 * DOLLAR))
    Budgets(ledger).reserve(scopes, 3 * DOLLAR, call_id="open")
    Budgets(ledger).reserve([Scope("session:s", 50 * DOLLAR)], DOLLAR, call_id="late", ttl_s=0)
    Budgets(ledger).expire()
    lease = Budgets(ledger).lease(Budgets(ledger).module_scope("via", 100 * DOLLAR), DOLLAR)
    Budgets(ledger).report(lease.lease_id, LeaseReport(9, [event("e3", AT, module="via", cost_nano=9)]))
    return ledger


def test_a_ledger_in_full_use_is_sound(used: Ledger) -> None:
    assert verify(used) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_finds_a_planted_fault(used: Ledger, fault: str) -> None:
    statement, check = FAULTS[fault]
    used.db.write(lambda tx: tx.text(statement) and None)

    assert check in {problem.check for problem in verify(used)}


def test_verify_finds_figures_that_break_the_rules(used: Ledger) -> None:
    if used.db.shared:
        statements = [
            "ALTER TABLE events DROP CONSTRAINT events_check",
            "ALTER TABLE events DROP CONSTRAINT events_check1",
        ]
    else:
        statements = ["PRAGMA ignore_check_constraints = ON"]
    statements.append("UPDATE events SET output_tokens = -1 WHERE event_id = 'e2'")

    used.db.write(lambda tx: [tx.text(statement) for statement in statements])

    assert any(problem.check == "rules" for problem in verify(used))


def test_verify_finds_a_file_whose_pages_are_damaged(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    settings = Settings().but(timezone="UTC")
    with Ledger.open(f"sqlite:///{file.as_posix()}", settings=settings) as ledger:
        ledger.record([event(f"m{number}", branch="x" * 200) for number in range(2000)])
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 2048] = b"\x5a" * 2048
    file.write_bytes(content)

    with Ledger.open(f"sqlite:///{file.as_posix()}", settings=settings) as ledger:
        assert [problem.check for problem in verify(ledger)][:1] == ["file"]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger of the same organisation, filled from the sources."""
    url = f"sqlite:///{(tmp_path / 'fresh.db').as_posix()}"
    with Ledger.open(url, settings=Settings().but(timezone="UTC", machine="laptop")) as made:
        yield made


def test_rebuild_mends_a_ledger_and_carries_over_what_has_no_source_any_more(
    used: Ledger, fresh: Ledger
) -> None:
    before = used.spend(("module",)).rows
    fresh.record(
        [event("e1", AT, output_tokens=9, cost_nano=8 * DOLLAR)], bookmarks={"/t.jsonl": Bookmark(5)}
    )
    used.db.write(lambda tx: tx.text("UPDATE events SET cost_nano = 1 WHERE event_id = 'e1'") and None)
    for table in ("rollups", "sessions"):
        used.db.write(lambda tx, table=table: tx.text(f"DELETE FROM {table}") and None)

    done = rebuild(used, fresh)

    assert (done.from_sources, done.carried_over) == (1, 2)
    assert verify(used) == []
    assert used.spend(("module",)).rows == before
    assert used.bookmark("/t.jsonl") == Bookmark(5)


def test_rebuild_keeps_what_a_shortened_source_no_longer_tells(used: Ledger, fresh: Ledger) -> None:
    fresh.record([event("e1", AT, output_tokens=2, cost_nano=DOLLAR, task="jd_parse")])

    rebuild(used, fresh)

    total = used.spend(("task",), module="jseeker").rows
    assert [(row.key, row.figures.output_tokens, row.figures.cost_nano) for row in total] == [
        (("jd_parse",), 9, 8 * DOLLAR)
    ]


def test_a_source_that_tells_more_than_the_ledger_is_found(used: Ledger, fresh: Ledger) -> None:
    fresh.record([event("e1", AT, output_tokens=10), event("lost", AT), event("new", "2026-11-24T00:00")])

    problems = compare(used, fresh, before=used.now() + 1)

    assert {(problem.place, problem.check) for problem in problems} == {
        ("e1", "sources"),
        ("lost", "sources"),
    }
