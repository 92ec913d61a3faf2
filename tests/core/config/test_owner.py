from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gaia_budget import owner
from gaia_budget.errors import ConfigError, NotFoundError
from gaia_budget.settings import load as load_settings
from gaia_hooks.facts import modules
from support import owner_files
from support.owner_files import REGISTRY, TOKEN_BUDGET

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    owner_files.write(tmp_path)
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    return tmp_path


def test_the_owners_file_is_read_as_it_is(root: Path) -> None:
    budget = owner.load_token_budget()
    assert budget.session("quick_fix").max_tokens == 50_000
    assert budget.session("architecture").models == ["opus"]
    studio = budget.module("studio")
    assert studio is not None
    assert studio.limit_nano == 12_500_000_000
    assert studio.alert_threshold_pct == 80
    assert studio.critical_threshold_pct == 95
    assert budget.pricing_snapshot["anthropic"]["haiku"].cache_read_per_1m == Decimal("0.08")
    assert budget.pricing_snapshot["openai"]["gpt-4o"].cache_read_per_1m is None


def test_reading_changes_no_byte(root: Path) -> None:
    files = [root / "token_budget.json", root / "registry.json"]
    before = [file.read_bytes() for file in files]
    owner.load_token_budget()
    owner.load_registry()
    assert [file.read_bytes() for file in files] == before


def test_unknown_keys_are_kept(root: Path) -> None:
    (root / "token_budget.json").write_text(
        TOKEN_BUDGET.replace('"provider": "openai"', '"provider": "openai", "mood": [1]')
    )
    entry = owner.load_token_budget().module("studio")
    assert entry is not None
    assert entry.others == {"mood": [1]}


@pytest.mark.parametrize("style", ["bom", "crlf", "both"])
def test_windows_editors_may_have_saved_it(root: Path, style: str) -> None:
    text = TOKEN_BUDGET.replace("\n", "\r\n") if style != "bom" else TOKEN_BUDGET
    encoding = "utf-8" if style == "crlf" else "utf-8-sig"
    (root / "token_budget.json").write_bytes(text.encode(encoding))
    assert owner.load_token_budget().module("STUDIO") is not None


def test_without_the_files_the_defaults_hold_and_a_notice_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    budget, registry = owner.load_token_budget(), owner.load_registry()
    assert {name: entry.max_tokens for name, entry in budget.defaults.session_budgets.items()} == {
        "quick_fix": 50_000,
        "feature_dev": 200_000,
        "architecture": 500_000,
    }
    assert "GAIA_ROOT is not set" in budget.notices[0]
    assert registry.projects == {}
    assert "registry.json" in registry.notices[0]


def test_a_root_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path / "gone"))
    assert str(tmp_path / "gone" / "token_budget.json") in owner.load_token_budget().notices[0]


def test_a_module_without_an_entry_has_the_default_cap(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_DEFAULT_MONTHLY_BUDGET_USD", "7.25")
    budget = owner.load_token_budget()
    assert budget.module("nameless") is None
    assert budget.module_or_default("nameless", load_settings()).limit_nano == 7_250_000_000


def test_an_unknown_session_type_names_the_valid_ones(root: Path) -> None:
    with pytest.raises(NotFoundError, match="architecture, feature_dev, quick_fix"):
        owner.load_token_budget().session("huge")


def test_the_contradiction_about_opus_is_reported(root: Path) -> None:
    assert any("architecture.models" in notice for notice in owner.load_token_budget().notices)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ("12.50", '"12.50"', 15, "per_module.studio.monthly_budget_usd", "must be a number"),
        ("12.50", "-1", 15, "per_module.studio.monthly_budget_usd", "greater than or equal to 0"),
        ("12.50", "true", 15, "per_module.studio.monthly_budget_usd", "must be a number"),
        ('"monthly_budget_usd": 12.50,', "", 12, "per_module.studio.monthly_budget_usd", "is missing"),
        ("50000", "0", 7, "defaults.session_budgets.quick_fix.max_tokens", "greater than 0"),
        (
            '"alert_threshold_pct": 80',
            '"alert_threshold_pct": 180',
            16,
            "per_module.studio.alert_threshold_pct",
            "100",
        ),
        ("token-budget-v1", "token-budget-v9", 2, "$schema", "valid: gaia-token-budget-v1"),
        ('"library"', '"studio"', 18, "studio", "stands twice"),
    ],
)
def test_a_wrong_value_is_named_with_line_and_key(
    root: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    file = root / "token_budget.json"
    file.write_text(TOKEN_BUDGET.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        owner.load_token_budget()
    assert (caught.value.file, caught.value.line, caught.value.key) == (file, line, key)
    assert words in str(caught.value)


def test_thresholds_the_wrong_way_round_are_refused(root: Path) -> None:
    (root / "token_budget.json").write_text(
        TOKEN_BUDGET.replace(
            '"alert_threshold_pct": 80', '"alert_threshold_pct": 80, "critical_threshold_pct": 70', 1
        )
    )
    with pytest.raises(ConfigError, match=r"token_budget\.json:12:.*must not be below"):
        owner.load_token_budget()


def test_broken_json_is_named_with_line_and_column(root: Path) -> None:
    (root / "registry.json").write_text('{\n  "projects": {,}\n}')
    with pytest.raises(ConfigError) as caught:
        owner.load_registry()
    assert (caught.value.line, caught.value.column) == (2, 16)


def test_a_file_in_utf_16_is_named_as_such(root: Path) -> None:
    (root / "registry.json").write_bytes(REGISTRY.encode("utf-16"))
    with pytest.raises(ConfigError, match="is UTF-16"):
        owner.load_registry()


@pytest.mark.parametrize(
    ("cwd", "module"),
    [
        ("X:/Eco/Studio", "studio"),
        (r"x:\eco\STUDIO\src\deep", "studio"),
        ("/x/Eco/Studio", "studio"),
        ("/mnt/x/Eco/Studio/src", "studio"),
        ("X:/Eco/_Core/_LIB", "library"),
        (r"X:\Eco\_Core", "core"),
        ("X:/Eco/Old tools/forge v1.1/bin", "forge"),
        ("X:/Eco/StudioTwo", None),
        ("C:/Work/Studio", None),
        ("/home/somebody", None),
        ("", None),
    ],
)
def test_a_folder_belongs_to_the_longest_root_that_holds_it(root: Path, cwd: str, module: str | None) -> None:
    assert modules.registered(cwd, owner.load_registry().roots()) == module


def test_a_relative_root_starts_at_the_registry(root: Path) -> None:
    assert modules.registered(str(root / "modules" / "near" / "src"), owner.load_registry().roots()) == "near"
