from __future__ import annotations

import os
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from gaia_budget import places, settings
from gaia_budget.errors import ConfigError
from gaia_budget.settings.keys import ModuleSettings
from gaia_hooks.facts.prices import billing, plan
from gaia_hooks.machine import clock


def write(text: str, encoding: str = "utf-8") -> None:
    places.ensure_home()
    places.settings_file().write_bytes(text.encode(encoding))


def test_without_a_file_every_setting_has_its_default() -> None:
    loaded = settings.load()
    assert loaded.session_policy == "warn"
    assert loaded.thresholds == [80, 95, 100]
    assert loaded.module("anything").document() == ModuleSettings().document()
    assert settings.origin("thresholds") == "default"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write('billing = "plan"\nthresholds = [50, 60]\n[modules.Studio]\non_exceeded = "block"\n')
    monkeypatch.setenv("GAIA_BUDGET_BILLING", "api")
    loaded = settings.load()
    assert (loaded.billing, loaded.thresholds) == ("api", [50, 60])
    assert loaded.module("STUDIO").on_exceeded == "block"
    assert [settings.origin(key) for key in ("claude_code_billing", "thresholds", "org")] == [
        "GAIA_BUDGET_BILLING",
        "settings.toml",
        "default",
    ]


def test_a_list_in_the_environment_may_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_PROTECTED_AGENTS", '["a", "b"]')
    assert settings.load().protected_agents == ["a", "b"]
    monkeypatch.setenv("GAIA_BUDGET_PROTECTED_AGENTS", '["a", "b"')
    with pytest.raises(ConfigError, match=r"GAIA_BUDGET_PROTECTED_AGENTS.*JSON list"):
        settings.load()


def test_how_claude_code_is_paid_for_is_found_out_where_nobody_said_it(home: Path) -> None:
    state = str(places.ensure_home())
    assert settings.load().billing == "unknown"
    plan.keep(state, {"five_hour": {"used_percentage": 3, "resets_at": 1}}, clock.now())
    assert settings.load().billing == "plan"
    write('claude_code_billing = "api"\n')
    assert settings.load().billing == "api"


def test_an_api_key_alone_means_the_api(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"api_key_at": 5}
    assert billing.inferred(kept, 10) == "api"
    assert billing.inferred(kept | {"as_of": 9}, 10) == "plan", (
        "who has a plan may have a key for other programs"
    )
    assert billing.inferred(kept | {"as_of": 9}, 9 + billing.LONGEST_WINDOW) == "api"


@pytest.mark.parametrize(
    ("named", "meant"),
    [("~/gb", "gb"), (" ~ ", ""), ("gb", "gb"), ("  ~/a b ", "a b"), ("", "gaia-default")],
)
def test_a_state_folder_lies_in_the_home_and_never_in_the_project_that_a_program_runs_in(
    named: str, meant: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_HOME", named)
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.chdir(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from gaia_hooks.facts import places; print(places.home())"
    package = Path(clock.__file__).parent.parent.parent
    seen = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, package], capture_output=True, text=True, check=True
    )
    assert seen.stdout.strip() == str(places.home()), "hooks and core"
    if named:
        assert places.home() == home / meant


def test_lists_in_the_environment_are_written_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_THRESHOLDS", "70, 90")
    monkeypatch.setenv("GAIA_BUDGET_CLAUDE_CONFIG_DIRS", os.pathsep.join(["/one", "/two"]))
    loaded = settings.load()
    assert loaded.thresholds == [70, 90]
    assert loaded.claude_config_dirs == [Path("/one"), Path("/two")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_saved_on_windows_is_read(newline: str) -> None:
    write(f'timezone = "Europe/Berlin"{newline}org = "us"{newline}', "utf-8-sig")
    assert settings.load().org == "us"


def test_money_keeps_every_digit() -> None:
    write("default_monthly_budget_usd = 12.10\n")
    assert settings.load().default_monthly_budget_usd == Decimal("12.10")


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ('org = "a"\nbilling = "prepaid"\n', 2, "billing", "valid: auto, api, plan"),
        ('org = "a"\n\nbiling = "api"\n', 3, "biling", "billing"),
        (
            '[modules.via]\non_exceded = "warn"\n',
            2,
            "modules.via.on_exceded",
            "valid: alert_threshold_pct, counts_claude_code, critical_threshold_pct, daily_threshold_usd",
        ),
        (
            '[modules]\nvia.on_exceeded = "stop"\n',
            2,
            "modules.via.on_exceeded",
            "valid: warn, block, downgrade",
        ),
        ('timezone = "Mars/Olympus"\n', 1, "timezone", "no such time zone"),
        ("thresholds = [95, 80]\n", 1, "thresholds", "rising percentages"),
        ("thresholds = [80, 120]\n", 1, "thresholds", "rising percentages"),
        ("default_monthly_budget_usd = -3\n", 1, "default_monthly_budget_usd", "greater than 0"),
        ("warn_model = maybe\n", 1, None, "invalid value"),
    ],
)
def test_a_wrong_setting_is_named_with_line_and_key(
    text: str, line: int, key: str | None, words: str
) -> None:
    write(text)
    with pytest.raises(ConfigError) as caught:
        settings.load()
    error = caught.value
    assert (error.file, error.line, error.key) == (places.settings_file(), line, key)
    assert words in str(error)


def test_a_wrong_variable_is_named_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_SESSION_POLICY", "hard")
    with pytest.raises(
        ConfigError, match=r"environment variable GAIA_BUDGET_SESSION_POLICY.*valid: warn, block"
    ):
        settings.load()


def test_what_is_wrong_within_a_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, words in {
        '{"shop": {"on_exceeded": "stop"}}': r"modules\.shop\.on_exceeded: 'stop' is not valid.*valid: warn, block",
        '{"shop": {"cap": 3}}': r"modules\.shop\.cap: is not a known key",
        '{"shop": {}, "Shop": {}}': r"GAIA_BUDGET_MODULES: a module stands twice",
        "shop": r"must be JSON, such as",
        '{"a":' * 99_999: r"must be JSON, such as",
    }.items():
        monkeypatch.setenv("GAIA_BUDGET_MODULES", value)
        with pytest.raises(ConfigError, match=words):
            settings.load()


def test_the_root_comes_from_the_variable_then_from_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places.gaia_root() is None
    assert places.logs_dir() == places.home() / "logs"
    (tmp_path / "set").mkdir()
    write(f"gaia_root = '{tmp_path / 'set'}'\n")
    assert places.gaia_root() == tmp_path / "set"
    assert places.logs_dir() == tmp_path / "set" / "logs"
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path / "named"))
    assert places.gaia_root() == tmp_path / "named"
    assert places.logs_dir() == places.home() / "logs", "a drive that is not there must not be written to"


def test_the_folder_in_use_comes_before_the_configured_ones(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('claude_config_dirs = ["/second", "/second"]\n')
    assert places.claude_config_dirs() == [home / ".claude", Path("/second")]
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    assert places.claude_config_dirs()[0] == Path.home() / ".claude"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
def test_the_state_folder_is_private_and_explains_itself() -> None:
    folder = places.ensure_home()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "ledger.db" in (folder / "README.txt").read_text(encoding="utf-8")


def test_a_pattern_stands_for_the_folders_that_are_there(home: Path, tmp_path: Path) -> None:
    for name in ("local_1", "local_2", "other"):
        (tmp_path / "apps" / name / ".claude").mkdir(parents=True)
    write(f'claude_config_dirs = ["{(tmp_path / "apps").as_posix()}/local_*/.claude"]\n')
    assert [folder.parent.name for folder in places.claude_config_dirs()[1:]] == ["local_1", "local_2"]
    (tmp_path / "apps" / "local_3" / ".claude").mkdir(parents=True)
    assert len(places.claude_config_dirs()) == 4


def test_the_clients_own_folder_is_named_as_the_client_takes_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "~/cfg")
    assert places.claude_config_dir() == tmp_path / "~" / "cfg"
