"""Every branch that Claude Code bills by, against a reckoning that shares no code and no table with ours."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gaia_budget.ingest.costs import Costs
from gaia_budget.prices.table import price_rows
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens.responses import Response, response_of
from gaia_hooks.machine import clock
from support.branches import CELLS, reckoned, usage_of
from support.rows import assistant, stamp

NOW = (clock.parse(stamp(0)) or 0) / clock.MICRO


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Costs, dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAIA_BUDGET_HOME", str(tmp_path_factory.mktemp("home")))
        return Costs(), price_rows()


def test_every_branch_of_the_bill_is_reckoned_to_the_nano_dollar(both: tuple[Costs, dict[str, Any]]) -> None:
    assert len(CELLS) > 3_000
    costs, table = both
    wrong = []
    for one in CELLS:
        usage, runs = usage_of(one)
        row = assistant("msg_1", model=one.model)
        row["message"]["usage"] = usage
        seen = response_of(row)
        assert seen is not None
        billed: dict[str, list[Response]] = {}
        for part in (seen, *seen.parts):
            billed.setdefault(part.model, []).append(part)
        truth = reckoned(one, runs)
        for ours in (
            lambda part: costs.of(part.model, part.variant, part.usage, int(NOW * 10**6), "", part.runs).nano,
            lambda part: pricing.cost_nano(
                part.usage, pricing.row_at(pricing.rows_of(table, part.model, part.variant), NOW), runs=part.runs),
        ):  # fmt: skip
            found = {model: sum(ours(part) or 0 for part in parts) for model, parts in billed.items()}
            apart = max(abs(found.get(model, 0) - dollars * 10**9) for model, dollars in truth.items())
            if found.keys() != truth.keys() or apart > len(runs) * Fraction(1, 2) or seen.odd:
                wrong.append((one, found, truth))
    assert not wrong, wrong[:3]
