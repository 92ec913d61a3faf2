"""Taking events in: one fact is one row, however often and in whatever order it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.budgets import Budgets
from gaia_budget.errors import InputError
from gaia_budget.ledger import Bookmark, Recorded
from gaia_budget.ledger.sightings import joined
from gaia_hooks.facts.tokens import usage
from support.events import event, events

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event


def priced(event: Event) -> Event:
    """By one price list: whatever has more tokens costs more."""
    return msgspec.structs.replace(
        event,
        cost_nano=sum(weight * getattr(event, name) for weight, name in enumerate(usage.FIELDS, 2)),
        price_source="list",
    )


def test_the_same_event_twice_is_one_row(ledger: Ledger) -> None:
    seen = [event("a", cost_nano=5), event("b", cost_nano=7)]

    assert ledger.record(seen) == Recorded(new=2)
    assert ledger.record(seen) == Recorded(duplicates=2)
    assert ledger.spend(()).total.cost_nano == 12


def test_a_larger_sighting_completes_the_row_and_the_sums(ledger: Ledger) -> None:
    ledger.record([event("a", output_tokens=3, cost_nano=5)])

    assert ledger.record([event("a", output_tokens=9, cost_nano=11, task="jd_parse")]) == Recorded(
        completed=1
    )

    [row] = ledger.spend(("task",)).rows
    assert (row.key, row.figures.output_tokens, row.figures.cost_nano) == (("jd_parse",), 9, 11)
    assert ledger.record([event("a", output_tokens=3, cost_nano=5)]) == Recorded(duplicates=1)


def test_sightings_within_one_batch_are_joined_too(ledger: Ledger) -> None:
    assert ledger.record([event("a", output_tokens=3), event("a", output_tokens=4)]) == Recorded(
        new=1, duplicates=1
    )
    assert ledger.spend(()).total.output_tokens == 4


def test_a_large_batch_with_known_rows_counts_each_once(ledger: Ledger) -> None:
    seen = [event(f"m{number}", cost_nano=number) for number in range(1000)]
    ledger.record(seen[::3])

    recorded = ledger.record(seen)

    assert (recorded.new, recorded.duplicates) == (666, 334)
    assert ledger.spend(()).total.cost_nano == sum(range(1000))


def test_a_price_found_later_takes_the_place_of_unpriced(ledger: Ledger) -> None:
    ledger.record([event("a", cost_nano=None)])
    assert ledger.spend(()).total.unpriced_responses == 1

    ledger.record([event("a", cost_nano=4)])
    assert ledger.spend(()).total.unpriced_responses == 0


def test_an_event_that_moves_to_another_module_leaves_no_trace_in_the_first(ledger: Ledger) -> None:
    ledger.record([event("a", module="unallocated", cost_nano=4)])
    ledger.record([event("a", module="via", cost_nano=4)])

    assert [row.key for row in ledger.spend(("module",)).rows] == [("via",)]
    assert Budgets(ledger).month("unallocated", "2026-11-23").app_nano == 0
    assert Budgets(ledger).month("via", "2026-11-23").app_nano == 4


def test_what_is_unattributed_counts_in_dollars_alone_and_its_newest_reckoning_stands(ledger: Ledger) -> None:
    rest = {"kind": "unattributed", "session_id": "s", "source": "claude_code"}
    ledger.record([event("u", "2026-11-23T12:00", cost_nano=90, input_tokens=7, **rest)])
    ledger.record([event("u", "2026-11-23T13:00", cost_nano=40, input_tokens=7, **rest)])
    ledger.record([event("u", "2026-11-23T12:00", cost_nano=90, input_tokens=7, **rest)])

    session = ledger.session("s")
    assert session is not None
    assert (session.unattributed_nano, session.cost_nano, session.figures.budget_tokens) == (40, 40, 0)
    assert ledger.spend(()).total.responses == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_an_older_program_called_sent_again_gives_way_to_the_whole_prompt(
    ledger: Ledger, order: tuple[int, ...]
) -> None:
    sightings = [
        event(
            "a", "2026-11-23T12:00", input_tokens=3, cache_read_tokens=900, recached_tokens=3
        ),  # an older program
        event("a", "2026-11-23T12:00", input_tokens=3, cache_read_tokens=900, recached_tokens=2),
        event("a", "2026-11-23T12:00", output_tokens=1),  # its first row, before the prompt was told
    ]
    for place in order:
        ledger.record([sightings[place]])
    assert ledger.spend(()).total.recached_tokens == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost_nano": -1},
        {"input_tokens": -5},
        {"recached_tokens": 9},
        {"kind": "gift"},
    ],
)
def test_a_row_that_breaks_the_rules_is_refused_and_nothing_of_its_batch_is_written(
    ledger: Ledger, wrong: dict[str, object]
) -> None:
    bad = msgspec.structs.replace(event("bad"), **wrong)

    with pytest.raises(InputError):
        ledger.record([event("good"), bad], bookmarks={"file": Bookmark(9)})

    assert ledger.spend(()).total.events == 0
    assert ledger.bookmark("file") is None


def test_a_bookmark_moves_with_the_rows_it_stands_for(make: Callable[..., Ledger]) -> None:
    ledger = make()
    ledger.record([event("a")], bookmarks={"/logs/a.jsonl": Bookmark(17, '{"open": 1}')})

    assert make().bookmark("/logs/a.jsonl") == Bookmark(17, '{"open": 1}')
    assert make(machine="desk").bookmark("/logs/a.jsonl") is None
    assert ledger.bookmarks(["/logs/a.jsonl", "/logs/b.jsonl"]) == {
        "/logs/a.jsonl": Bookmark(17, '{"open": 1}')
    }


def test_a_shared_database_never_sees_a_path(ledger: Ledger) -> None:
    ledger.record([], bookmarks={"/home/ana/secret-project/x.jsonl": Bookmark(1)})
    stored = ledger.db.ask(lambda ask: ask("SELECT source FROM bookmarks", ())[0][0])

    assert ("secret" in str(stored)) == (not ledger.db.shared)


def test_signs_that_databases_refuse_in_text_do_not_stop_an_ingest(ledger: Ledger) -> None:
    ledger.record(
        [event("a", branch="fix\x00me"), event("b", branch="half \ud83d sign"), event("c", branch="größe")]
    )

    assert ledger.spend(("branch",)).total.events == 3


@given(
    st.lists(events().map(priced), max_size=30),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.booleans(),
)
def test_the_join_of_sightings_by_one_price_list_does_not_depend_on_order_or_repetition(
    seen: list[Event], chance: random.Random, before: bool, before_too: bool
) -> None:
    def all_joined(sightings: list[Event], priced_before: bool) -> dict[str, Event]:
        found: dict[str, Event] = {}
        for sighting in sightings:
            known = found.get(sighting.event_id)
            found[sighting.event_id] = (
                sighting if known is None else joined(known, sighting, priced_before=priced_before)
            )
        return found

    shuffled = [*seen, *seen[:5]]
    chance.shuffle(shuffled)
    assert all_joined(shuffled, before) == all_joined(seen, before_too)
