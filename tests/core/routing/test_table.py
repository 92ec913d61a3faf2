"""The user's routing table is laid over ours; what is wrong in it is named with its key and the valid choices."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import ConfigError
from gaia_budget.routing import table, wishes

if TYPE_CHECKING:
    from pathlib import Path


def own_table(home: Path, text: str) -> None:
    folder = home / "gaia-budget"
    folder.mkdir(exist_ok=True)
    (folder / "routing.toml").write_text(text, encoding="utf-8")


def test_what_the_user_writes_replaces_the_entry_of_that_name_alone(home: Path) -> None:
    own_table(home, '[tasks.jd_parsing]\ntier = "quality"\n[tasks."Loan check"]\ntier = "architecture"\n'
                    '[providers.anthropic]\nquality = ["opus"]\n[learning]\nhalf_life_days = 7\n')  # fmt: skip
    found = table.load()
    assert found.tasks["jd_parse"].tier == "quality"
    assert "jd_parsing" in found.tasks["jd_parse"].also
    assert found.task("loan-check") == ("loan_check", "architecture", (), None)
    assert found.providers["anthropic"] == {
        "cheap": ("haiku",),
        "quality": ("opus",),
        "architecture": ("opus", "fable"),
    }
    assert found.learning["half_life_days"] == 7


def test_a_new_provider_may_be_added(home: Path) -> None:
    own_table(home, '[providers.mistral]\ncheap = ["mistral-small"]\n')
    assert table.load().providers["mistral"]["cheap"] == ("mistral-small",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[task.x]\n", "task: is not a known key (valid: conversation, learning, providers"),
        (
            '[tasks.x]\ntier = "cheap"\ncost = 1\n',
            "tasks.x.cost: is not a known key (valid: tier, also, cap_usd)",
        ),
        (
            '[tasks.x]\ntier = "best"\n',
            "tasks.x.tier: 'best' is no tier (valid: cheap, quality, architecture)",
        ),
        ('[tasks.x]\nalso = ["y"]\n', "tasks.x.tier: None is no tier"),
        ('[tasks.x]\ntier = "cheap"\nalso = "y"\n', "tasks.x.also: must be a list of names"),
        ('[tasks.x]\ntier = "cheap"\ncap_usd = "much"\n', "tasks.x.cap_usd: 'much' is not an amount"),
        ('[tasks.x]\ntier = "cheap"\nalso = ["jd_parsing"]\n', "'jd_parsing' names jd_parse as well"),
        ("tasks = 3\n", "tasks: must be a table"),
        ("[tasks]\nx = 3\n", "tasks.x: must be a table"),
        ("[providers.anthropic]\nbest = []\n", "providers.anthropic.best: is not a known key (valid: cheap"),
        ("[providers.anthropic]\ncheap = [1]\n", "providers.anthropic.cheap: must be a list of names"),
        (
            "[sessions.bugs]\nfast = true\n",
            "sessions.bugs.fast: is not a known key (valid: starts_cheap, reserve, also)",
        ),
        ('[sessions.quick_fix]\nreserve = ["best"]\n', "sessions.quick_fix.reserve: ['best'] is not valid"),
        ("[sessions.quick_fix]\nstarts_cheap = 1\n", "sessions.quick_fix.starts_cheap: 1 is not valid"),
        ("[typical.cheap]\ninput_tokens = -1\n", "typical.cheap.input_tokens: -1 is not a whole number"),
        ('[learning]\nclear_gain = "a"\n', "learning.clear_gain: 'a' is not a number"),
        ("[learning]\nspeed = 1\n", "learning.speed: is not a known key"),
        ('updated = "now"\n', "updated: 'now' is not a day"),
        ('[retired.a]\nsince = 2026-01-01\nsource = "s"\n', "retired.a.successor: is missing"),
        ('[tiers.x]\nlevel = "best"\n', "tiers.x.level: 'best' is no level (valid: cheap, quality"),
        ("[tasks\n", "Fix the TOML there"),
    ],
)
def test_a_wrong_key_or_value_is_named(text: str, told: str, home: Path) -> None:
    own_table(home, text)
    with pytest.raises(ConfigError) as caught:
        wishes.obeyed(table.load(), {}, "token_budget.json")
    assert told in str(caught.value) and "routing.toml" in str(caught.value)


def test_successors_that_go_in_a_circle_are_refused(home: Path) -> None:
    entry = '[retired.{}]\nsince = 2026-01-01\nsource = "s"\nsuccessor = "{}"\n'
    own_table(home, entry.format("a", "b") + entry.format("b", "c") + entry.format("c", "a"))
    with pytest.raises(ConfigError, match="successors go in a circle: a -> b -> c -> a"):
        table.load()


def test_a_successor_is_named_past_those_that_are_retired_themselves(home: Path) -> None:
    found = table.load()
    assert found.successor("gemini-2.0-pro", date(2026, 11, 24)) == "gemini-3.8-flash"
    assert found.successor("gpt-4o", date(2026, 11, 24)) is None
    assert found.successor("gpt-4o", date(2027, 1, 14)) == "gpt-6-luna"


def test_every_model_and_successor_of_our_table_has_a_price_or_a_successor() -> None:
    from gaia_budget.prices.names import normalise

    found = table.load()
    listed = {name for tiers in found.providers.values() for names in tiers.values() for name in names}
    for name in listed | {entry.successor for entry in found.retired.values()}:
        assert normalise(name) or name in found.retired, name
    for entry in found.retired.values():
        assert entry.source.startswith("https://")
