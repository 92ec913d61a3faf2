"""What an organisation pays, as its managed settings tell Claude Code: hooks and ledger reckon by it, apps do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import places, snapshot
from gaia_budget.ingest.costs import Costs
from gaia_budget.prices import contract
from gaia_budget.prices.table import load as load_prices
from gaia_budget.settings import load
from gaia_budget.setup.checks import doctor
from gaia_hooks.facts import snapshot as form
from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from pathlib import Path

OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
NOW = 1_795_435_200
USED = (1000, 100, 5000, 40, 30, 0, 2)
RATES = {"input": 3.2, "output": 16, "cacheRead": 0.16, "cacheWrite": 4}
RATES_NANO = 1000 * 3200 + 100 * 16_000 + 5000 * 160 + 70 * 4000 + 2 * 10_000_000
"""What `USED` costs at `RATES`: one price for both lifetimes of the cache, searches at the list's."""


def managed(told: dict[str, Any], name: str = "managed-settings.json") -> Path:
    file = places.managed_settings()[0].parent / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({contract.KEY: told}), encoding="utf-8")
    return file


def by_hooks(model: str, variant: str = "") -> int | None:
    policy = snapshot.write(load())
    rows = pricing.rows_of(policy["prices"], model, variant)
    if not rows:
        rows = pricing.listed_rows(str(places.home()), policy, model, variant)
    return pricing.cost_nano(USED, pricing.row_at(rows, NOW))


def by_ledger(model: str, variant: str = "", *, app: bool = False) -> int | None:
    return Costs().of(model, variant, USED, NOW * 10**6, app=app).nano


@pytest.mark.parametrize("variant", ["", "us"])
@pytest.mark.parametrize("model", [OPUS, "gpt-4o-mini"])
def test_a_multiplier_scales_every_price_for_hooks_and_ledger_and_none_for_apps(
    model: str, variant: str
) -> None:
    listed = by_ledger(model, variant)
    assert listed
    managed({"multiplier": 0.85})
    assert by_hooks(model, variant) == by_ledger(model, variant) == round(listed * 0.85)
    assert by_ledger(model, variant, app=True) == listed
    assert Costs().of(model, variant, USED, NOW * 10**6).source == pricing.CONTRACT


@pytest.mark.parametrize("variant", ["", "us", "fast", "fast-us"])
@pytest.mark.parametrize(
    "model", [OPUS, OPUS + "-20261101", OPUS + "[1m]", "my-gateway-alias", "MY-gateway-alias"]
)
def test_a_row_is_charged_as_written_under_every_name_of_its_model_without_surcharges(
    model: str, variant: str
) -> None:
    managed({"overrides": {OPUS: RATES, "My-Gateway-Alias": RATES}})
    assert by_hooks(model, variant) == by_ledger(model, variant) == RATES_NANO
    managed({"multiplier": 2, "overrides": {OPUS: RATES, "my-gateway-alias": RATES}})
    assert by_hooks(model, variant) == by_ledger(model, variant) == 2 * RATES_NANO


def test_what_the_user_names_in_prices_toml_stands_as_it_is() -> None:
    places.ensure_home()
    (places.home() / "prices.toml").write_text(f'[[price]]\nmodel = "{OPUS}"\ninput = 1\noutput = 2\n')
    before = by_ledger(OPUS)
    managed({"multiplier": 3, "overrides": {OPUS: RATES}})
    assert by_hooks(OPUS) == by_ledger(OPUS) == before


def test_a_folder_of_settings_is_joined_the_last_file_being_the_strongest() -> None:
    managed({"multiplier": 0.5, "overrides": {OPUS: RATES}})
    managed({"multiplier": 2}, "managed-settings.d/10-prices.json")
    assert by_ledger(OPUS) == 2 * RATES_NANO


@pytest.mark.parametrize(
    "wrong",
    [
        {"multiplier": 0}, {"multiplier": 11}, {"multiplier": True},
        {"multiplier": "0.8"},
        {"multiplier": float("nan")},
        {"overrides": {OPUS: RATES | {"input": -1}}}, {"overrides": {OPUS: RATES | {"output": 10_001}}},
        {"overrides": {OPUS: {"input": 1}}}, {"overrides": {OPUS: 5}}, [], "0.8",
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_a_price_is_left_out_and_named(wrong: Any, home: Path) -> None:
    listed = by_ledger(OPUS)
    file = managed(wrong)
    assert by_hooks(OPUS) == by_ledger(OPUS) == listed
    [check] = doctor.contract_prices(home)
    assert not check.ok
    assert f"{file}: {contract.KEY}" in check.detail


def test_hooks_are_told_when_an_administrator_changes_it() -> None:
    snapshot.write(load())
    assert not snapshot.is_outdated(load())
    managed({"multiplier": 0.5})
    assert snapshot.is_outdated(load())


def test_doctor_names_what_is_applied_and_what_a_users_own_settings_cannot_do(home: Path) -> None:
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text(json.dumps({contract.KEY: {"multiplier": 0.01}}))
    listed = by_ledger(SONNET)
    file = managed({"multiplier": 0.5})
    ignored, applied = doctor.contract_prices(home)
    assert "has no effect" in ignored.detail
    assert str(file) in applied.detail
    assert "0.5 x" in applied.detail
    assert by_ledger(SONNET) == round((listed or 0) / 2)
    assert load_prices().price(SONNET, USED, NOW).cost_nano == listed
    assert form.load(str(places.home()))["price_times"] == [1, 1], "no snapshot has been written"
