"""Rules are data: a new one needs no code, a broken one is named with its line, and the others go on."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gaia_budget.alerts import rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str], Path]

BUILT_IN = [
    "month-warning", "month-critical", "month-exceeded", "total-warning", "total-critical", "total-projected",
    "day-threshold", "week-threshold", "total-day-threshold", "total-week-threshold",
    "spike", "retry-loop", "falling-cache-hits", "price-review", "model-ends",
]  # fmt: skip
GOOD = """
[rules.burning]
metric = "burn_usd_per_hour"
window = "3h"
value = 2.10
severity = "critical"
channels = ["terminal"]
"""


def names() -> list[str]:
    return [rule.name for rule in rules.load().rules]


def test_without_a_file_the_built_in_rules_hold() -> None:
    assert names() == BUILT_IN
    assert rules.load().problems == []


def test_own_rules_join_them_and_change_them_by_name(own_rules: Write) -> None:
    own_rules(GOOD + "[rules.spike]\nvalue = 100\n[rules.price-review]\nenabled = false\n")
    found = {rule.name: rule for rule in rules.load().rules}
    assert list(found) == [*(name for name in BUILT_IN if name != "price-review"), "burning"]
    assert found["burning"].value == Decimal("2.10")
    assert (found["spike"].value, found["spike"].at_least_usd) == (100, 1)


@pytest.mark.parametrize(
    ("wrong", "line", "key", "words"),
    [
        ('metric = "spent"\nvalue = 1', 9, "metric", "valid: anomaly_usd, burn_usd_per_hour"),
        (
            'metric = "spend_usd"\nvalue = 1\nthreshold = 3',
            11,
            "threshold",
            "valid: at_least_tokens, at_least_usd",
        ),
        ('metric = "spend_usd"', 8, "value", "is missing"),
        ('metric = "spend_usd"\nvalue = "much"', 10, "value", "must be a number"),
        ('metric = "spend_percent"\nvalue = 120', 10, "value", "never over 100"),
        ('metric = "spend_usd"\nvalue = -1', 10, "value", "from 0"),
        ('metric = "spend_usd"\nvalue = nan', 10, "value", "must be a number"),
        ('metric = "spend_usd"\nvalue = 0', 10, "value", "is always so"),
        ('metric = "cache_hit_percent"\ncomparison = "<="\nvalue = 100', 11, "value", "is always so"),
        ('metric = "spend_usd"\nvalue = "warning"', 10, "value", "thresholds of spend_percent alone"),
        ('metric = "spend_percent"\nscope = "session"\nvalue = 1', 10, "scope", "valid: module"),
        ('metric = "spend_usd"\nwindow = "year"\nvalue = 1', 10, "window", "valid: month, day or such as 7d"),
        ('metric = "spend_usd"\nseverity = "bad"\nvalue = 1', 10, "severity", "valid: warning, critical"),
        ('metric = "spend_usd"\ncooldown = "soon"\nvalue = 1', 10, "cooldown", "such as 30m, 6h or 7d"),
        ('metric = "spend_usd"\ncooldown = "²d"\nvalue = 1', 10, "cooldown", "such as 30m, 6h or 7d"),
        ('metric = "spend_usd"\nchannels = ["pager"]\nvalue = 1', 10, "channels.0", "valid: terminal, argus"),
        ('metric = "spend_usd"\ncomparison = "=>"\nvalue = 1', 10, "comparison", "valid: >=, >"),
        ('name = "other"\nmetric = "spend_usd"\nvalue = 1', 8, "", "without the key name"),
    ],
)
def test_a_broken_rule_is_named_with_its_line_and_the_others_go_on(
    own_rules: Write, wrong: str, line: int, key: str, words: str
) -> None:
    file = own_rules(f"{GOOD}[rules.broken]\n{wrong}\n[rules.spike]\nvalue = 70\n")
    loaded = rules.load()
    [problem] = loaded.problems
    assert (problem.file, problem.line) == (file, line)
    assert problem.key == ".".join(filter(None, ("rules", "broken", key)))
    assert words in str(problem)
    assert [rule.name for rule in loaded.rules] == [*BUILT_IN, "burning"]
    assert next(rule.value for rule in loaded.rules if rule.name == "spike") == 70


def test_a_broken_change_leaves_the_built_in_rule_as_it_was(own_rules: Write) -> None:
    own_rules("[rules.month-warning]\nvalue = 180\n")
    loaded = rules.load()
    assert [rule.name for rule in loaded.rules] == BUILT_IN
    assert loaded.rules[0].value == "warning"
    assert "alerts.toml:2: rules.month-warning.value" in str(loaded.problems[0])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[rules.a]\nvalue = \n", 2, "Fix the TOML there"),
        ("[rules.a]\nvalue = 1\n[rules.a]\nvalue = 2\n", 3, "Fix the TOML there"),
        ("[rule.a]\nvalue = 1\n", 1, "valid: rules"),
        ("rules = 3\n", None, "must be tables"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_the_built_in_rules(
    own_rules: Write, text: str, line: int | None, words: str
) -> None:
    file = own_rules(text)
    loaded = rules.load()
    assert [rule.name for rule in loaded.rules] == BUILT_IN
    [problem] = loaded.problems
    assert (problem.file, problem.line) == (file, line)
    assert words in str(problem)
