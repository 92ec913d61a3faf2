"""What drove an alert: the model, task and session with the largest share of the dollars, and where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gaia_budget.alerts.facts import Facts
    from gaia_budget.alerts.rules import Rule

AXES = ("model", "task", "session")
LATELY_DAYS = (
    1  # sessions are looked for in the events of today and yesterday alone: the sums do not know them
)


def cause(rule: Rule, facts: Facts, module: str) -> str:
    """The largest contributors in the rule's window, and when the cap is reached; empty where nothing can be told.

    Such as `most by model claude-opus-5-5 (62 %), task jd_parse (40 %); exhausted on 2026-11-28`.
    """
    if rule.span.unit in ("plan", "none"):
        return ""
    since = facts.since(rule.span)
    lately = max(since, facts.day(LATELY_DAYS))
    found = [_largest(axis, facts, module, lately if axis == "session" else since) for axis in AXES]
    largest = ", ".join(part for part in found if part)
    return "; ".join(filter(None, (f"most by {largest}" if largest else "", _ends(rule, facts, module))))


def _ends(rule: Rule, facts: Facts, module: str) -> str:
    """When the cap of a month that is on its way there is expected to be used up; empty where it is not."""
    outlook = facts.outlooks.get(module) if rule.metric == "spend_percent" else None
    spent = outlook is not None and outlook.counted.spent_nano >= outlook.limit_nano + outlook.override_nano
    return "" if outlook is None or spent or outlook.exhausted_on is None else outlook.says()


def _largest(axis: str, facts: Facts, module: str, since: int) -> str:
    rows = facts.ledger.spend((axis,), since, None, module or None)
    whole = rows.total.cost_nano
    top = next((row for row in rows.rows if row.key[0] and row.figures.cost_nano), None)
    if top is None:
        return ""
    lately = " since yesterday" if axis == "session" else ""
    return f"{axis} {top.key[0]} ({top.figures.cost_nano * 100 // whole} %{lately})"
