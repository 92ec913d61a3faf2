"""What one answer of Anthropic's bills beyond its top level, in the middleware as in hooks and ledger."""

from __future__ import annotations

from typing import Any

import pytest

from gaia_budget.middleware.books import bill
from gaia_budget.middleware.wire import Seen, claude
from gaia_budget.prices import table

AT = 1_795_000_000.0
SONNET, OPUS = "claude-sonnet-4-6", "claude-opus-4-6"


def run(kind: str, fresh: int, output: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": fresh, "output_tokens": output, **more}


@pytest.mark.parametrize(
    ("model", "usage", "nano"),
    [
        (OPUS, {"input_tokens": 23_000, "output_tokens": 1000, "iterations": [
            run("compaction", 180_000, 3500), run("message", 23_000, 1000)]}, 203_000 * 5000 + 4500 * 25_000),
        (SONNET, {"input_tokens": 1760, "output_tokens": 531, "iterations": [
            run("message", 412, 89), run("advisor_message", 823, 1612, model=OPUS), run("message", 1348, 442)]},
         1760 * 3000 + 531 * 15_000 + 823 * 5000 + 1612 * 25_000),
        (OPUS, {"input_tokens": 100_000, "output_tokens": 1000, "inference_geo": "us"},
         (100_000 * 5000 + 1000 * 25_000) * 11 // 10),
        (OPUS, {"input_tokens": 100_000, "output_tokens": 1000, "inference_geo": "global"},
         100_000 * 5000 + 1000 * 25_000),
    ],
)  # fmt: skip
def test_an_answer_is_billed_with_all_its_runs(model: str, usage: dict[str, Any], nano: int) -> None:
    document = {
        "model": model,
        "usage": usage,
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "x"}],
    }
    seen = Seen()
    claude.whole(document, seen)
    assert seen.usage is not None
    ask = claude.ask("/v1/messages", {"model": model, "max_tokens": 4000, "messages": []})
    found = bill.bill(table.load(), bill.Seller("anthropic", known=True), ask, seen, seen.usage, AT)
    assert (found.nano, found.unpriced) == (nano, ())
