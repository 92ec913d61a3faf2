"""What Claude Code leaves out of its own total is said by name, and what the US costs more."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.reports.sessions.beside_client import beside_client
from support.branches import CELLS, Cell, reckoned, usage_of
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("price_list")
OTHER = "5e551011-0000-4000-8000-00000000000b"
CHOSEN = [cell for cell in CELLS if cell.service != "batch"][:: len(CELLS) // 120]
"""Cells of every kind; each is an answer of the session, as the real client's test has them one by one."""


@pytest.fixture
def main(home: Path) -> Path:
    return home / ".claude" / "projects" / "-home-dev-project" / f"{SESSION}.jsonl"


def answer(cell: Cell, number: int, **more: Any) -> dict[str, Any]:
    row = assistant(f"msg_{number:024d}", second=number, model=cell.model, **more)
    row["message"]["usage"] = usage_of(cell)[0]
    return row | ({"requestedModel": usage_of(cell)[1][-1][0]} if cell.kind == "fallback" else {})


def named(cells: list[Cell]) -> dict[str, tuple[int, Fraction]]:
    """By name: in how many answers, and dollars."""
    found: dict[str, tuple[int, Fraction]] = {}
    for cell in cells:
        runs = usage_of(cell)[1]
        us = sum(reckoned(cell, runs).values()) - sum(reckoned(cell._replace(geo=""), runs).values())
        causes = {
            "compaction on the server": cell.kind == "compaction"
            and sum(reckoned(cell._replace(searches=0), runs[:1]).values()),
            "attempts that were declined": cell.kind == "fallback" and reckoned(cell, runs)[runs[1][0]],
            "inference in the US only": us,
        }
        for what, dollars in causes.items():
            if dollars:
                times, before = found.get(what, (0, Fraction(0)))
                found[what] = times + 1, before + dollars
    return found


def test_the_difference_is_named_to_the_nano_dollar(main: Path) -> None:
    assert {(cell.kind, cell.geo) for cell in CHOSEN} >= {
        ("compaction", "us"),
        ("fallback", "us"),
        ("one", ""),
    }
    write(main, *[answer(cell, number) for number, cell in enumerate(CHOSEN)])
    told, truth = beside_client(SESSION), named(CHOSEN)
    ours = {one.what: (one.responses, one.nano) for one in (*told.left_out, *told.dearer)}
    assert {what: times for what, (times, _) in ours.items()} == {
        what: times for what, (times, _) in truth.items()
    }
    for what, (times, dollars) in truth.items():
        assert abs(ours[what][1] - dollars * 10**9) <= times, what


def test_each_answer_counts_once_in_whichever_file_of_the_session_and_no_other_sessions(main: Path) -> None:
    one = next(cell for cell in CELLS if cell.kind == "compaction")
    write(main, answer(one, 1), answer(one, 1), answer(one, 9, session=OTHER))
    agents = main.with_suffix("") / "subagents"
    write(agents / "agent-x.jsonl", answer(one, 1, agent="x"), answer(one, 2, agent="x"))
    write(agents / "workflows" / "wf_1" / "agent-y.jsonl", answer(one, 3, agent="y"))
    write(main.with_name(f"{OTHER}.jsonl"), answer(one, 8, session=OTHER))
    [left_out] = beside_client(SESSION).left_out
    assert left_out.responses == 3


def test_sonnet_4_beyond_200_000_tokens_is_billed_at_a_tier_that_the_client_does_not_know(main: Path) -> None:
    for number, fresh in enumerate((200_000, 300_000)):
        write(
            main,
            assistant(f"msg_{number}", model="claude-sonnet-4-5", input_tokens=fresh, output_tokens=1_000),
        )
    [one] = beside_client(SESSION).left_out
    assert (one.what, one.responses) == ("the price beyond 200,000 tokens", 1)
    assert one.nano == 300_000 * 3_000 + 1_000 * 7_500


def test_faces_of_a_session_say_it_and_are_silent_where_there_is_nothing(main: Path) -> None:
    faces = [("receipt", SESSION), ("receipt", SESSION, "--markdown"), ("spend", "--session", SESSION),
             ("status", "--session", SESSION)]  # fmt: skip
    write(main, assistant("msg_a", input_tokens=1_000_000, output_tokens=10, advised=700))
    for words in faces:
        assert "eft out by" not in CliRunner().invoke(app, words, catch_exceptions=False).stdout
    row = assistant("msg_b", second=1, input_tokens=500_000)
    row["message"]["usage"] |= {"inference_geo": "us", "iterations": [
        {"type": "compaction", "input_tokens": 250_000}, {"type": "message", "input_tokens": 500_000}]}  # fmt: skip
    write(main, row)
    for words in faces:
        shown = CliRunner().invoke(app, words, catch_exceptions=False).stdout.lower()
        assert "compaction on the server $1.10" in shown, words
        assert "inference in the us only $0.30" in shown, words
    for words in (faces[0], faces[2]):
        document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
        told = [*document["left_out_by_client"], *document["dearer"]]
        assert [(one["what"], one["responses"], Decimal(one["usd"])) for one in told] == [
            ("compaction on the server", 1, Decimal("1.1")),
            ("inference in the US only", 1, Decimal("0.3")),
        ]
