"""The user's own prices win, the owner's snapshot when asked for; every figure says who named it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import ConfigError
from gaia_budget.prices import catalogue, overrides, price, table

if TYPE_CHECKING:
    from pathlib import Path

BEFORE, AFTER = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
TOKENS = (1_000_000, 1_000_000, 0, 0, 0, 0, 0)


def own_prices(home: Path, text: str) -> None:
    folder = home / "gaia-budget"
    folder.mkdir(exist_ok=True)
    (folder / "prices.toml").write_text(text, encoding="utf-8")


def snapshot(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = {"anthropic": {"haiku": {"input_per_1m": 0.8, "output_per_1m": 4, "cache_read_per_1m": 0.08}}}
    document = {"$schema": "gaia-token-budget-v1", "pricing_snapshot": prices}
    (home / "token_budget.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setenv("GAIA_ROOT", str(home))
    monkeypatch.setenv("GAIA_BUDGET_PRICING_SOURCE", "snapshot")


def test_a_contract_price_holds_from_its_day_on(home: Path) -> None:
    own_prices(home, '[[price]]\nmodel = "claude-opus-5-5"\nfrom = 2026-10-01\ninput = 3.2\noutput = 16\n')
    assert price("claude-opus-5-5", TOKENS, BEFORE)[:2] == (24_000_000_000, "genai-prices")
    assert price("opus", TOKENS, AFTER)[:2] == (19_200_000_000, "override")
    assert price("opus", (0, 0, 1_000_000, 0, 0, 0, 0), AFTER).cost_nano == 3_200_000_000


def test_an_unknown_model_gets_the_users_price(home: Path) -> None:
    own_prices(
        home, '[[price]]\nmodel = "my-llama"\ninput = 0.1\noutput = 0.2\nweb_search = 0.01\nreasoning = 0.4\n'
    )
    assert price("My-Llama", TOKENS)[:3] == (300_000_000, "override", "my-llama")
    assert price("my-llama", (0, 10, 0, 0, 0, 10, 1)).cost_nano == 10_004_000
    assert "my-llama" in table.price_rows()


def test_the_users_price_holds_for_every_tier_as_the_list_moves_it(home: Path) -> None:
    own_prices(
        home,
        '[[price]]\nmodel = "gpt-5"\ninput = 1\noutput = 8\n[[price]]\nmodel = "my-llama"\ninput = 0.1\noutput = 0.2\n',
    )
    listed = {
        "": 9,
        "batch": 4.5,
        "flex": 4.5,
        "priority": 18,
    }  # the list's batch and flex are half, priority double
    for tier, dollars in listed.items():
        assert price("gpt-5", TOKENS, variant=tier)[:2] == (int(dollars * 10**9), "override"), tier
    assert price("my-llama", TOKENS, variant="batch")[:2] == (300_000_000, "override"), "as it stands"


def test_a_price_that_no_femto_dollar_holds_is_still_exact(home: Path) -> None:
    own_prices(home, '[[price]]\nmodel = "third"\ninput = 0.08333333333333334\noutput = 1\n')
    assert price("third", (3_000_000, 0, 0, 0, 0, 0, 0)).cost_nano == 250_000_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[price]]\nmodel = "x"\ninput = 1\noutptu = 2\n',
            "price 1.outptu: is not a known key (valid: model",
        ),
        ('[[price]]\nmodel = "x"\ninput = 1\n', "price 1.output: is missing"),
        ('[[price]]\nmodel = "x"\ninput = -1\noutput = 2\n', "price 1.input: "),
        (
            '[[price]]\nmodel = "x"\ninput = "much"\noutput = 2\n',
            "price 1.input: 'much' is not an amount of USD",
        ),
        ('[[price]]\nmodel = "x"\ninput = nan\noutput = 2\n', "is not an amount"),
        ("[[price]]\nmodel = 5\ninput = 1\noutput = 2\n", "price 1.model: must be a name in quotes"),
        ('[[price]]\nmodel = "x"\nfrom = "May"\ninput = 1\noutput = 2\n', "price 1.from: 'May' is not a day"),
        ("[price]\n", "price: must be written [[price]]"),
        ("[[prices]]\n", "prices: is not a known key (valid: price)"),
        ("[[price]\n", "Fix the TOML there"),
    ],
)
def test_a_wrong_price_file_is_named_with_entry_and_key(text: str, told: str, home: Path) -> None:
    own_prices(home, text)
    with pytest.raises(ConfigError) as caught:
        price("claude-opus-5-5", TOKENS)
    assert told in str(caught.value) and "prices.toml" in str(caught.value)


def test_the_owners_snapshot_is_authoritative_when_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(home, monkeypatch)
    assert price("claude-haiku-4-5", TOKENS)[:2] == (4_800_000_000, "snapshot")
    assert price("haiku", (0, 0, 1_000_000, 0, 0, 0, 0)).cost_nano == 80_000_000
    assert price("gpt-4o", TOKENS)[:2] == (None, "unpriced")
    own_prices(home, '[[price]]\nmodel = "gpt-4o"\ninput = 1\noutput = 1\n')
    assert price("gpt-4o", TOKENS)[:2] == (2_000_000_000, "override")


def test_a_snapshot_that_is_not_there_is_an_error_and_no_silent_price(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_PRICING_SOURCE", "snapshot")
    with pytest.raises(ConfigError, match="pricing_source"):
        price("claude-haiku-4-5", TOKENS)


def test_the_catalogue_is_made_once_and_read_without_genai_prices(home: Path) -> None:
    catalogue.load()
    stored = home / "gaia-budget" / "cache" / "prices.json"
    assert stored.is_file()
    probe = (
        "import sys; from gaia_budget.prices import price; print(price('opus', (1, 1, 0, 0, 0, 0, 0)).cost_nano,"
        " sorted({'genai_prices', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "24000 []"


def test_a_damaged_catalogue_is_made_anew(home: Path) -> None:
    stored = home / "gaia-budget" / "cache" / "prices.json"
    stored.parent.mkdir(parents=True)
    for content in (b"", b"{", b"[]", b'{"stamp": 1}'):
        stored.write_bytes(content)
        catalogue._load.cache_clear()
        assert "claude-opus-5-5" in catalogue.load().rows
    assert json.loads(stored.read_bytes())["stamp"] == catalogue.load().stamp


def test_a_newer_price_file_replaces_the_installed_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = home / "data.json"
    model = {
        "id": "claude-opus-6",
        "match": {"starts_with": "claude-opus-6"},
        "prices": {"input_mtok": 1, "output_mtok": 2},
    }
    provider = {"id": "anthropic", "name": "Anthropic", "api_pattern": "x", "model_match": {"contains": "claude"},
                "models": [model]}  # fmt: skip
    newer.write_text(json.dumps([provider]), encoding="utf-8")
    monkeypatch.setenv("GAIA_BUDGET_PRICES_FILE", str(newer))
    assert price("claude-opus-6", TOKENS).cost_nano == 3_000_000_000
    monkeypatch.setenv("GAIA_BUDGET_PRICES_FILE", newer.name)
    assert price("claude-opus-6", TOKENS).cost_nano == 3_000_000_000, (
        "a relative name starts at the home folder"
    )
    newer.write_text('{"no": "prices"}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"data\.json: is not a price file"):
        price("claude-opus-6", TOKENS)
    newer.unlink()
    with pytest.raises(ConfigError, match="prices_file"):
        price("claude-opus-6", TOKENS)


def test_the_table_in_a_shared_form_names_the_source_of_each_row(home: Path) -> None:
    own_prices(home, '[[price]]\nmodel = "claude-opus-5-5"\ninput = 3.2\noutput = 16\n')
    rows = table.price_rows(["opus", "nonsense"])
    assert set(rows) == {"claude-opus-5-5", "claude-opus-5-5#batch", "claude-opus-5-5#fast"}
    assert rows["claude-opus-5-5"][-1][3] == {"source": overrides.OVERRIDE}
