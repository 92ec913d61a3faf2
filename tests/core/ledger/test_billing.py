"""What counts against a cap is said in one place: every sum of the ledger follows it, and an upgrade makes it so."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.ingest.rebilling import rebill
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.migrations import MIGRATIONS, migrate
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.sums import resum
from gaia_budget.ledger.verify import verify
from gaia_budget.settings import load
from gaia_hooks.facts.prices import billing
from gaia_hooks.machine import clock
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.ledger import Ledger

KINDS = list(product((billing.APP, billing.CLAUDE_CODE), billing.BILLINGS))


def test_claude_code_counts_where_the_setting_says_so_unless_a_plan_pays() -> None:
    counted = [
        (*kind, setting) for kind in KINDS for setting in (False, True) if billing.counts(*kind, setting)
    ]
    assert counted == [
        ("app", "api", False), ("app", "api", True), ("app", "unknown", False), ("app", "unknown", True),
        ("claude_code", "api", True), ("claude_code", "unknown", True),
    ]  # fmt: skip


def spend_of_every_kind(ledger: Ledger) -> None:
    now = clock.iso(ledger.now())[:19]
    ledger.record(
        [
            event(
                f"{source}-{paid}",
                now,
                source=source,
                billing=paid,
                cost_nano=10**place,
                machine=ledger.machine,
            )
            for place, (source, paid) in enumerate(KINDS)
        ]
    )


@pytest.mark.parametrize("summed", ["as it came", "anew"])
def test_the_month_and_the_budget_that_calls_are_admitted_by_count_the_same(
    ledger: Ledger, summed: str
) -> None:
    spend_of_every_kind(ledger)
    if summed == "anew":
        ledger.db.write(lambda tx: resum(tx, ledger.zone, ledger.org))
    month = Budgets(ledger).month("jseeker")
    for setting in (False, True):
        right = sum(10**place for place, kind in enumerate(KINDS) if billing.counts(*kind, setting))
        assert month.spent_nano(counts_claude_code=setting) == right
        scope = Budgets(ledger).module_scope("jseeker", right, counts_claude_code=setting)
        Budgets(ledger).reserve([scope], 0, call_id=f"free-{setting}")
        assert refused(ledger, scope), "one nano-dollar more is beyond it"
    assert verify(ledger) == []


def refused(ledger: Ledger, scope: object) -> bool:
    from gaia_budget.errors import BudgetExceededError

    try:
        Budgets(ledger).reserve([scope], 1, call_id=f"dear-{scope}")  # type: ignore[list-item]
    except BudgetExceededError:
        return True
    return False


def test_a_changed_answer_books_the_open_month_anew_and_leaves_what_was_known(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_of_every_kind(ledger)
    before = Budgets(ledger).month("jseeker")
    monkeypatch.setenv("GAIA_BUDGET_CLAUDE_CODE_BILLING", "plan")
    assert rebill(ledger, load()) == 1
    after = Budgets(ledger).month("jseeker")
    assert after.claude_code_nano == before.claude_code_nano - before.unknown_billing_nano
    assert after.plan_equivalent_nano == before.plan_equivalent_nano + before.unknown_billing_nano
    assert rebill(ledger, load()) == 0
    monkeypatch.setenv("GAIA_BUDGET_CLAUDE_CODE_BILLING", "api")
    rebill(ledger, load())
    assert Budgets(ledger).month("jseeker") == after, "kept as it was booked"
    assert verify(ledger) == []


def test_what_is_unattributed_follows_the_answer_too(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = event(
        "u",
        clock.iso(ledger.now())[:19],
        kind="unattributed",
        source="claude_code",
        machine=ledger.machine,
        billing="unknown",
    )
    ledger.record([rest])
    monkeypatch.setenv("GAIA_BUDGET_CLAUDE_CODE_BILLING", "plan")
    assert rebill(ledger, load()) == 1
    ledger.record([rest])  # read again by a later ingest
    assert rebill(ledger, load()) == 0


def test_an_older_ledger_counts_by_the_same_rule_after_its_upgrade(
    url: str, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    old = Database(parse_url(url))
    migrate(old, tmp_path, MIGRATIONS[:4])
    insert = (
        "INSERT INTO rollups (org, grain, bucket, module, provider, model, task, source, billing, events, cost_nano) "
        "VALUES ('default', 'month', ?, 'via', '', '', '', 'claude_code', ?, 1, 7)"
    )
    december, january = 2026 * 12 + 11, 2027 * 12
    for month, paid in ((december, "unknown"), (december, "api"), (december, "plan"), (january, "unknown")):
        old.write(lambda tx, month=month, paid=paid: tx.text(insert, (month, paid)) and None)  # type: ignore[misc]
    old.close()

    found = make().db.ask(
        lambda ask: list(ask("SELECT scope, claude_code_nano FROM budgets ORDER BY scope", ()))
    )

    assert [tuple(row) for row in found] == [("module:via:2026-12", 14), ("module:via:2027-01", 7)]
