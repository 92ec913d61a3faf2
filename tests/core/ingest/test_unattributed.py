"""What only the client's own total knows, and totals that were carried in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gaia_hooks.machine import clock
from gaia_hooks.session import state, state_file
from support.rows import SESSION, assistant, stamp, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench

CHILD = "5e551011-0000-4000-8000-00000000000b"
INPUT = 4_000  # nano-dollars of one input token of claude-opus-5-5
RESPONSE = 220_000  # nano-dollars of ten input and nine output tokens of claude-opus-5-5


def total(nano: int, *, session: str = SESSION, started: int = 0, model: str = "claude-opus-5-5",
          dollars: float | None = None) -> dict[str, Any]:  # fmt: skip
    """The client's total of whole responses, and of input tokens beyond them."""
    responses, rest = divmod(nano, RESPONSE)
    assert rest % INPUT == 0
    said = dollars or nano / 1e9
    used = {"inputTokens": 10 * responses + rest // INPUT, "outputTokens": 9 * responses, "costUSD": said}
    return {"type": "cost-state", "sessionId": session, "totalCostUSD": said, "modelUsage": {model: used},
            "startTime": (clock.parse(stamp(started)) or 0) // 1000, "hasUnknownModelCost": False}  # fmt: skip


def response(key: str, second: int, **more: Any) -> dict[str, Any]:
    return assistant(key, second=second, input_tokens=10, output_tokens=9, **more)


def opening(second: int, session: str = SESSION) -> dict[str, Any]:
    return {
        "type": "queue-operation",
        "operation": "enqueue",
        "timestamp": stamp(second),
        "sessionId": session,
    }


def copied(row: dict[str, Any], session: str = CHILD) -> dict[str, Any]:
    zeroed = dict.fromkeys(("input_tokens", "output_tokens"), 0)
    message = row["message"] | {"usage": row["message"]["usage"] | zeroed}
    return row | {"sessionId": session, "requestSessionId": row["sessionId"], "message": message}


@pytest.fixture
def file(bench: Bench) -> Path:
    return bench.project / f"{SESSION}.jsonl"


@pytest.fixture
def child(bench: Bench) -> Path:
    return bench.project / f"{CHILD}.jsonl"


def spent(bench: Bench, session: str = SESSION) -> tuple[int, int]:
    """Nano-dollars of a session in all, and of that the unattributed part."""
    found = bench.ledger.session(session)
    assert found is not None
    return found.cost_nano, found.unattributed_nano


def test_what_no_row_tells_of_is_booked_in_dollars_and_not_in_tokens(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE + 4_000))
    bench.run()
    assert spent(bench) == (RESPONSE + 4_000, 4_000)
    assert bench.total().budget_tokens == 19


def test_nothing_is_booked_where_rows_and_total_agree(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE))
    report = bench.run()
    assert report.events_new == 1
    assert not report.unreconciled


def test_later_totals_replace_the_reckoning(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE + 4_000))
    bench.run()
    write(file, response("b", 10), total(2 * RESPONSE + 4_000))
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 4_000, 4_000)
    write(file, total(2 * RESPONSE + 12_000))
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 12_000, 12_000)


def test_rows_after_the_last_total_do_not_hide_what_it_knew(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE + 4_000), response("b", 10))
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 4_000, 4_000)


def test_subagents_rows_are_part_of_what_the_total_covers(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(2 * RESPONSE + 4_000))
    write(bench.project / SESSION / "subagents" / "agent-x.jsonl", response("b", 2, agent="x"))
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 4_000, 4_000)


def test_a_subagents_file_that_appears_later_corrects_the_reckoning(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(2 * RESPONSE + 4_000))
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 4_000, RESPONSE + 4_000)
    write(bench.project / SESSION / "subagents" / "agent-x.jsonl", response("b", 1, agent="x"))
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 4_000, 4_000)


def test_a_killed_process_never_lets_the_total_shrink_what_is_known(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE + 4_000))
    write(file, response("killed", 10))  # its process never wrote a total
    write(file, opening(20), response("b", 21), total(2 * RESPONSE + 4_000))
    report = bench.run()
    assert spent(bench) == (3 * RESPONSE + 4_000, 4_000)
    assert list(report.unreconciled) == [SESSION]


def test_a_total_that_began_later_covers_only_later_rows(bench: Bench, file: Path) -> None:
    write(
        file,
        opening(0),
        response("old", 1),
        opening(100),
        response("new", 101),
        total(RESPONSE + 4_000, started=99),
    )
    bench.run()
    assert spent(bench) == (2 * RESPONSE + 4_000, 4_000)


def test_a_fork_pays_only_for_itself(bench: Bench, file: Path, child: Path) -> None:
    first = response("a", 1)
    write(file, opening(0), first, total(RESPONSE + 4_000))
    write(child, opening(60, CHILD), copied(first), response("b", 61, session=CHILD),
          total(2 * RESPONSE + 8_000, session=CHILD))  # fmt: skip
    write(file, response("c", 90), total(2 * RESPONSE + 4_000))
    assert not bench.run().unreconciled
    assert spent(bench) == (2 * RESPONSE + 4_000, 4_000)
    assert spent(bench, CHILD) == (RESPONSE + 4_000, 4_000)


def test_a_fork_without_any_copied_response_is_known_by_when_its_total_began(
    bench: Bench, file: Path, child: Path
) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE))
    write(child, opening(60, CHILD), response("b", 61, session=CHILD), total(2 * RESPONSE, session=CHILD))
    bench.run()
    assert spent(bench, CHILD) == (RESPONSE, 0)


def test_a_branch_whose_total_starts_anew_carries_nothing(bench: Bench, file: Path, child: Path) -> None:
    first = response("a", 1)
    write(file, opening(0), first, total(RESPONSE))
    write(child, copied(first), response("b", 61, session=CHILD),
          total(RESPONSE + 4_000, session=CHILD, started=60))  # fmt: skip
    bench.run()
    assert spent(bench, CHILD) == (RESPONSE + 4_000, 4_000)


def test_a_total_from_an_unknown_parent_books_nothing_and_is_said(bench: Bench, child: Path) -> None:
    write(child, opening(60, CHILD), copied(response("a", 1)), response("b", 61, session=CHILD),
          total(9 * RESPONSE, session=CHILD))  # fmt: skip
    report = bench.run()
    assert SESSION in report.unreconciled[CHILD]
    assert spent(bench, CHILD) == (RESPONSE, 0)


def test_a_parent_that_is_found_later_settles_the_fork(bench: Bench, file: Path, child: Path) -> None:
    first = response("a", 1)
    write(child, opening(60, CHILD), copied(first), response("b", 61, session=CHILD),
          total(2 * RESPONSE + 8_000, session=CHILD))  # fmt: skip
    bench.run()
    write(file, opening(0), first, total(RESPONSE))
    assert not bench.run().unreconciled
    assert spent(bench, CHILD) == (RESPONSE + 8_000, 8_000)


@pytest.mark.parametrize("dollars", [0.0001, 7.5])
def test_the_clients_dollars_are_never_booked_whatever_its_price_table_says(
    bench: Bench, file: Path, dollars: float
) -> None:
    write(file, opening(0), response("a", 1), total(RESPONSE, dollars=dollars))
    assert not bench.run().unreconciled
    assert spent(bench) == (RESPONSE, 0)


def test_tokens_of_a_model_without_a_price_are_no_money(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1, model="claude-nimbus-9"))
    write(file, total(2 * RESPONSE, model="claude-nimbus-9"))
    bench.run()
    assert spent(bench) == (0, 0)
    assert bench.total().unpriced_responses == 1


def test_one_model_by_two_names_is_one(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 1, model="claude-haiku-4-5-20251001"))
    write(file, total(RESPONSE, model="claude-haiku-4-5[1m]"))
    bench.run()
    assert spent(bench)[1] == 0


def test_what_a_status_line_has_shown_is_not_booked(bench: Bench, file: Path) -> None:
    """A client that guesses a model's price, or whose total goes on over `/new`, shows dollars that nobody owes."""
    write(file, opening(0), response("a", 1))
    seen = state.State(SESSION)
    seen.client_nano = 50 * RESPONSE
    state_file.save(str(bench.home / "gaia-budget"), seen)
    bench.run()
    assert spent(bench) == (RESPONSE, 0)


def test_a_copy_of_an_older_client_belongs_to_the_session_that_made_it_in_any_run(
    bench: Bench, file: Path, child: Path
) -> None:
    first = response("a", 1)
    write(file, opening(0), first)
    bench.run()
    write(child, opening(60, CHILD), first | {"sessionId": CHILD}, response("b", 61, session=CHILD))
    bench.run()
    assert spent(bench) == (RESPONSE, 0)
    assert spent(bench, CHILD) == (RESPONSE, 0)


def test_a_copy_zeroed_by_a_compaction_invents_no_cache_writes(bench: Bench, child: Path) -> None:
    row = response("a", 1, write_5m=50, write_1h=70)
    row["message"]["usage"] |= dict.fromkeys(
        ("input_tokens", "output_tokens", "cache_creation_input_tokens"), 0
    )
    write(child, opening(60, CHILD), row | {"sessionId": CHILD}, response("b", 61, session=CHILD))
    bench.run()
    assert (bench.total().responses, bench.total().cost_nano) == (1, RESPONSE)


def test_rows_that_a_clock_set_back_puts_before_the_total_began_are_covered_by_it(
    bench: Bench, file: Path
) -> None:
    write(
        file,
        opening(9000),
        response("a", 9010),
        response("b", 2000),
        total(2 * RESPONSE + INPUT, started=9000),
    )
    bench.run()
    assert spent(bench)[1] == INPUT
    write(file, response("c", 2100), response("d", 2200), total(4 * RESPONSE + INPUT, started=9000))
    bench.run()
    assert spent(bench)[1] == INPUT


def test_a_row_after_a_total_is_not_covered_by_it(bench: Bench, file: Path) -> None:
    write(file, opening(0), response("a", 10), total(RESPONSE + INPUT), response("b", 20))
    bench.run()
    assert spent(bench)[1] == INPUT
