"""Each public report in `reported.py`: ledger and hooks of each session against the truth reckoned by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gaia_hooks.say import figures

from .conftest import hooked
from .reported import BRANCHED, COPIED, MAIN, ONE, OTHER, OWN, REPORTS, TWO, Report, Told, started

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .conftest import Bench

CASES = [
    pytest.param(report, id=f"{kind}: {report.address.removeprefix('github.com/')}")
    for kind, reports in REPORTS.items()
    for report in reports
]


def put(projects: Path, files: Mapping[str, Any]) -> None:
    for name, rows in files.items():
        file = projects / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        file.write_bytes(b"".join(line + b"\n" for line in lines))


def by_hooks(bench: Bench, main: Path, piece: int = 1 << 30) -> tuple[int, int, int, Decimal]:
    counted = figures.SessionFigures(hooked(bench, main, piece))
    return counted.usage[0], counted.usage[1], counted.responses, Decimal(counted.cost_nano) / 10**9


def in_decimals(told: Told) -> tuple[int, int, int, Decimal]:
    return *told[:3], Decimal(told[3])


@pytest.mark.parametrize("report", CASES)
def test_what_was_reported_elsewhere_is_counted_as_it_was(bench: Bench, report: Report) -> None:
    bench.run()  # the hooks' prices
    truth = {name: in_decimals(told) for name, told in report.truth.items()}
    put(bench.claude / "projects", report.files)
    for session in truth:
        lies = [name for name in report.files if name.endswith(f"/{session}.jsonl")][-1]
        told = in_decimals(report.hooks.get(session, report.truth[session]))
        assert by_hooks(bench, bench.claude / "projects" / lies) == told, report.symptom
    taken = bench.run()
    rows = {row.key[0]: row.figures for row in bench.ledger.spend(("session",)).rows}
    assert truth == {
        name: (one.input_tokens, one.output_tokens, one.responses, Decimal(one.cost_nano) / 10**9)
        for name, one in rows.items()
    }, report.symptom
    assert len(taken.skipped) == report.aside
    assert bench.total().unpriced_responses == report.unpriced
    assert bench.run().events_new == 0


PAIRS = list(zip(COPIED, BRANCHED, strict=True))
ORDERS = {
    "marked, then unmarked": [row for pair in PAIRS for row in pair],
    "unmarked, then marked": [row for pair in PAIRS for row in pair[::-1]],
    "all unmarked ones first": [*BRANCHED, *COPIED],
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("piece", [1 << 10, 1 << 30])
def test_a_branch_whose_parent_is_gone_has_its_own_answers_alone(
    bench: Bench, order: str, piece: int
) -> None:
    """github.com/anthropics/claude-code/issues/40363: each row twice, only one of them marked; read at once or not."""
    bench.run()  # the hooks' prices
    put(bench.claude / "projects", {OTHER: [*ORDERS[order], OWN]})
    assert by_hooks(bench, bench.claude / "projects" / OTHER, piece) == in_decimals((10, 5, 1, "0.00014"))
    bench.run()
    assert (bench.total().responses, bench.total().output_tokens) == (1, 5)


def test_of_two_files_older_than_they_say_the_one_that_began_first_made_what_both_hold(bench: Bench) -> None:
    """Its client wrote its own rows late, a copy is beside it: hooks of neither counted anything."""
    bench.run()  # the hooks' prices
    copy = [started(101, OWN["sessionId"]), *BRANCHED]
    put(bench.claude / "projects", {MAIN: [started(100), ONE, TWO], OTHER: copy})
    made = in_decimals((20, 10, 2, "0.00028"))
    assert by_hooks(bench, bench.claude / "projects" / MAIN) == made
    assert by_hooks(bench, bench.claude / "projects" / OTHER)[2] == 0
    bench.run()
    assert [row.key[0] for row in bench.ledger.spend(("session",)).rows] == [ONE["sessionId"]]
    assert bench.total().cost_nano == 280_000


def test_each_kind_has_three_reports_and_none_stands_twice() -> None:
    addresses = [report.address for reports in REPORTS.values() for report in reports]
    assert all(len(reports) >= 3 for reports in REPORTS.values())
    assert len(set(addresses)) == len(addresses)
