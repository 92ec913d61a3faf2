"""A price list that changed between a hook and the ledger: one price stands in both, and `ingest` says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_hooks.say import figures
from support.rows import MODEL, SESSION, assistant, write

from .conftest import hooked
from .test_parts_and_traits import ask, counted_by_hooks

if TYPE_CHECKING:
    from .conftest import Bench


def prices(bench: Bench, output: int) -> None:
    """The user's own price of the model, in dollars for a million tokens of output."""
    text = f'[[price]]\nmodel = "{MODEL}"\ninput = 1\noutput = {output}\n'
    (bench.home / "gaia-budget" / "prices.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("then", "now"), [(20, 5), (5, 20)], ids=["cheaper now", "dearer now"])
def test_what_a_hook_priced_by_an_older_list_costs_what_the_list_in_force_says(
    bench: Bench, then: int, now: int
) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_a", output_tokens=1000))
    (bench.home / "gaia-budget").mkdir(exist_ok=True)
    prices(bench, then)
    counted_by_hooks(bench, file)
    prices(bench, now)

    said = CliRunner().invoke(app, ["ingest"], catch_exceptions=False).output

    assert bench.total().cost_nano == now * 1_000_000
    change = "$0.0150 less" if now < then else "$0.0150 more"
    assert f"1 response costs what the price list in force says: {change} than was booked before" in said
    assert ask("rebuild")["ok"]
    assert bench.total().cost_nano == now * 1_000_000
    assert ask("ingest")["repriced"] == 0


@pytest.mark.parametrize("name", ["opus", "sonnet", "haiku", "Opus", "sonnet[1m]"])
@pytest.mark.parametrize("place", ["", "us"])
def test_a_family_name_costs_in_hooks_what_it_costs_in_the_ledger(
    bench: Bench, name: str, place: str
) -> None:
    """A gateway answers with the name that was asked for."""
    bench.run()  # the hooks' prices
    row = assistant("msg_a", model=name, input_tokens=1000, output_tokens=1000)
    row["message"]["usage"]["inference_geo"] = place
    file = bench.project / f"{SESSION}.jsonl"
    write(file, row)
    told = figures.SessionFigures(hooked(bench, file)).cost_nano
    bench.run()
    assert told == bench.total().cost_nano > 0
