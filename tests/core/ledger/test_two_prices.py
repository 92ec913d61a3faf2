"""One response has one price: where two hands reckoned with other tables, the later and fuller one stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.rebuild import rebuild
from gaia_budget.ledger.verify import verify
from gaia_budget.settings.keys import Settings
from support.events import event

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.model import Event

OLD, NEW = 900, 400
"""The same tokens by the table that a hook had, and by the one in force."""


def seen(nano: int | None, output: int = 9, **more: Any) -> Event:
    return event("a", source="claude_code", output_tokens=output, cost_nano=nano, **more)


def costs(ledger: Ledger) -> int:
    """What the response costs, on every face of the ledger."""
    nano = ledger.spend(()).total.cost_nano
    assert not verify(ledger)
    assert Budgets(ledger).month("jseeker", "2026-11-23").claude_code_nano == nano
    return nano


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), (NEW, OLD)], ids=["cheaper now", "dearer now"])
@pytest.mark.parametrize("hook_first", [True, False])
def test_the_price_of_the_table_in_force_takes_the_place_of_a_hooks(
    ledger: Ledger, old: int, new: int, hook_first: bool
) -> None:
    def by_hook() -> None:
        ledger.record([seen(old)], priced_before=True)

    def by_transcript() -> None:
        ledger.record([seen(new)])

    for take_in in (by_hook, by_transcript, by_hook) if hook_first else (by_transcript, by_hook):
        take_in()
    assert costs(ledger) == new


def test_a_change_of_price_alone_is_told_apart_from_what_grew(ledger: Ledger) -> None:
    ledger.record([seen(OLD), event("b", source="claude_code", output_tokens=1, cost_nano=1)])
    grown = event("b", source="claude_code", output_tokens=2, cost_nano=2)

    recorded = ledger.record([seen(NEW), grown])

    assert (recorded.completed, recorded.repriced, recorded.repriced_nano) == (2, 1, NEW - OLD)


def test_a_fuller_answer_has_its_own_price_whenever_it_was_reckoned(ledger: Ledger) -> None:
    ledger.record([seen(OLD, output=9)], priced_before=True)
    ledger.record([seen(NEW // 2, output=4)])  # what is left of a torn transcript, by the table in force
    assert costs(ledger) == OLD

    ledger.record([seen(OLD + 1, output=10)], priced_before=True)
    assert costs(ledger) == OLD + 1


def test_a_table_that_knows_no_price_takes_none_away(ledger: Ledger) -> None:
    ledger.record([seen(OLD)], priced_before=True)
    ledger.record([seen(None)])
    assert costs(ledger) == OLD


def test_a_rebuild_ends_with_the_price_that_stood(ledger: Ledger, tmp_path: Path) -> None:
    by_hook, by_transcript = seen(OLD), seen(NEW)
    ledger.record([by_transcript])
    ledger.record([by_hook], priced_before=True)
    with Ledger.open(f"sqlite:///{(tmp_path / 'fresh.db').as_posix()}", settings=Settings()) as fresh:
        fresh.record([by_hook], priced_before=True)
        fresh.record([by_transcript])
        assert costs(fresh) == costs(ledger) == NEW
        rebuild(ledger, fresh)
    assert costs(ledger) == NEW
