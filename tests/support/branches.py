"""Every branch that Claude Code bills by, and a reckoning of it that shares no code and no table with ours.

The list prices are those of `support.sessions`, written down by hand; arithmetic is in fractions of a dollar.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any, NamedTuple

from support.sessions import LONG_PROMPT, PRICES

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-8")
WRITES = {"none": (0, 0), "5m": (1, 0), "1h": (0, 1), "both": (2, 1)}  # in thirds of the writes
SIZES = {"small": 1_000, "below the tier": 99_000, "above the tier": 140_001}
GEOS = ("us", "global", "not_available", "")
SERVICES = {"fast": ("claude-opus-5-5", "claude-opus-4-8"), "batch": MODELS}
"""Which models are sold at another speed or tier: twice and half the price."""
KINDS = ("plain", "one", "two", "compaction", "advisor", "twice advised", "fallback")
OTHER = "claude-sonnet-5-5"

Run = tuple[str, tuple[int, int, int, int, int]]  # model; input, output, reads, 5-minute and 1-hour writes


def figures(run: tuple[int, int, int, int, int]) -> dict[str, Any]:
    fresh, output, reads, short, long = run
    return {"input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": reads,
            "cache_creation_input_tokens": short + long,
            "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}}  # fmt: skip


class Cell(NamedTuple):
    """One way that a response can be billed."""

    model: str
    writes: str
    size: str
    geo: str
    kind: str
    searches: int
    service: str = ""


CELLS = [
    *itertools.starmap(Cell, itertools.product(MODELS, WRITES, SIZES, GEOS, KINDS, (0, 3))),
    *(
        Cell(model, writes, size, geo, kind, 3, service)
        for service, models in SERVICES.items()
        for model, writes, size, geo, kind in itertools.product(models, WRITES, SIZES, ("us", ""), KINDS)
    ),
]


def usage_of(cell: Cell) -> tuple[dict[str, Any], list[Run]]:
    """The usage that a provider tells of it, and the runs that it bills."""
    model, writes, size, geo, kind, searches, service = cell
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
    if service:
        usage |= {"speed": "fast"} if service == "fast" else {"service_tier": service}
    return usage, [(model, one) for one in own] + others


def reckoned(cell: Cell, runs: list[Run]) -> dict[str, Fraction]:
    """Dollars by model, not rounded."""
    made: dict[str, Fraction] = {}
    for number, (model, (fresh, output, reads, short, long)) in enumerate(runs):
        rates = [Fraction(rate) / 10**6 for rate in PRICES[model]]
        threshold, factor = LONG_PROMPT.get(model, (1 << 62, 1))
        if fresh + reads + short + long > threshold:
            rates = [rate * factor for rate in rates]
        kinds = (fresh, output, reads, short, long)
        dollars = sum((rate * tokens for rate, tokens in zip(rates, kinds, strict=True)), Fraction(0))
        if cell.service == "batch" or (cell.service == "fast" and model == cell.model):
            dollars *= 2 if cell.service == "fast" else Fraction(1, 2)
        if cell.geo == "us":
            dollars *= Fraction(11, 10)
        if number == 0:
            dollars += Fraction(cell.searches, 100)
        made[model] = made.get(model, Fraction(0)) + dollars
    return made
