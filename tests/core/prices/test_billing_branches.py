"""Every branch that Claude Code bills by, against a reckoning that shares no code and no table with ours.

The list prices are those of `support.sessions`, written down by hand; arithmetic is in fractions of a dollar.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest

from gaia_budget.ingest.costs import Costs
from gaia_budget.prices.table import price_rows
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens.responses import Response, response_of
from gaia_hooks.machine import clock
from support.rows import assistant, stamp
from support.sessions import LONG_PROMPT, PRICES

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-8")
WRITES = {"none": (0, 0), "5m": (1, 0), "1h": (0, 1), "both": (2, 1)}  # in thirds of the writes
SIZES = {"small": 1_000, "below the tier": 99_000, "above the tier": 140_001}
KINDS = ("plain", "one", "two", "compaction", "advisor", "twice advised", "fallback")
OTHER = "claude-sonnet-5-5"
NOW = (clock.parse(stamp(0)) or 0) / clock.MICRO

Run = tuple[str, tuple[int, int, int, int, int]]  # model; input, output, reads, 5-minute and 1-hour writes


def figures(run: tuple[int, int, int, int, int]) -> dict[str, Any]:
    fresh, output, reads, short, long = run
    return {"input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": reads,
            "cache_creation_input_tokens": short + long,
            "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}}  # fmt: skip


def cell(
    model: str, writes: str, size: str, geo: str, kind: str, searches: int
) -> tuple[dict[str, Any], list[Run]]:
    """A row, and the runs that the provider bills for it."""
    prompt, (short, long) = SIZES[size], WRITES[writes]
    third = prompt // 5
    main = (prompt - third * (short + long), 731, prompt // 7, third * short, third * long)
    second = (main[0] + 17, 13, main[2], 0, 0)
    helper = (20_011, 709, 5, 0, 0)
    own, others = [main], []
    iterations: list[dict[str, Any]] = []
    top = main
    if kind == "one":
        iterations = [{"type": "message"} | figures(main)]
    elif kind == "two":
        own = [main, second]
        top = tuple(map(sum, zip(main, second, strict=True)))  # type: ignore[assignment]
        iterations = [{"type": "message"} | figures(one) for one in own]
    elif kind == "compaction":
        own = [second, main]
        iterations = [{"type": "compaction"} | figures(second), {"type": "message"} | figures(main)]
    elif kind in ("advisor", "twice advised"):
        others = [(OTHER, helper)] * (2 if "twice" in kind else 1)
        asked = {"type": "advisor_message", "model": OTHER} | figures(helper)
        iterations = [{"type": "message"} | figures(main), *[asked] * len(others)]
    elif kind == "fallback":
        others = [("claude-opus-4-8" if model != "claude-opus-4-8" else "claude-opus-5-5", helper)]
        iterations = [{"type": "message", "model": others[0][0]} | figures(helper),
                      {"type": "fallback_message", "model": model} | figures(main)]  # fmt: skip
    usage = figures(top) | {"inference_geo": geo, "server_tool_use": {"web_search_requests": searches}}
    if iterations:
        usage["iterations"] = iterations
    row = assistant("msg_1", model=model)
    row["message"]["usage"] = usage
    return row, [(model, one) for one in own] + others


def reckoned(runs: list[Run], geo: str, searches: int) -> dict[str, Fraction]:
    """Dollars by model, each model's runs rounded together to the nano-dollar."""
    made: dict[str, Fraction] = {}
    for number, (model, (fresh, output, reads, short, long)) in enumerate(runs):
        rates = [Fraction(rate) / 10**6 for rate in PRICES[model]]
        threshold, factor = LONG_PROMPT.get(model, (1 << 62, 1))
        if fresh + reads + short + long > threshold:
            rates = [rate * factor for rate in rates]
        kinds = (fresh, output, reads, short, long)
        dollars = sum((rate * tokens for rate, tokens in zip(rates, kinds, strict=True)), Fraction(0))
        if geo == "us":
            dollars *= Fraction(11, 10)
        if number == 0:
            dollars += Fraction(searches, 100)
        made[model] = made.get(model, Fraction(0)) + dollars
    return made


CELLS = list(itertools.product(MODELS, WRITES, SIZES, ("us", "global", "not_available", ""), KINDS, (0, 3)))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Costs, dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAIA_BUDGET_HOME", str(tmp_path_factory.mktemp("home")))
        return Costs(), price_rows()


def test_every_branch_of_the_bill_is_reckoned_to_the_nano_dollar(both: tuple[Costs, dict[str, Any]]) -> None:
    assert len(CELLS) > 2_000
    costs, table = both
    wrong = []
    for one in CELLS:
        row, runs = cell(*one)
        seen = response_of(row)
        assert seen is not None
        billed: dict[str, list[Response]] = {}
        for part in (seen, *seen.parts):
            billed.setdefault(part.model, []).append(part)
        truth = reckoned(runs, one[3], one[5])
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
