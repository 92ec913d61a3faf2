"""The commands recommend, outcome and prices: documents with stable keys, exit codes, and what they load."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("price_list")
HEAVY = ("pydantic", "genai_prices", "tiktoken", "anthropic", "mcp", "rich")


def run(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gaia_budget", *arguments], capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == code, done.stderr
    return done.stdout or done.stderr


def answer(*arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code))


@pytest.mark.usefixtures("ecosystem")
def test_recommend_gives_the_documented_keys() -> None:
    found = answer("recommend", "jd_parse", "--module", "jseeker")
    assert (found["model"], found["alias"], found["provider"], found["tier"]) == (
        "claude-haiku-5-5",
        "haiku",
        "anthropic",
        "cheap",
    )
    assert {
        "how",
        "reason",
        "price",
        "estimated_cost_usd",
        "alternatives",
        "escalate_to",
        "break_even_turns",
        "warnings",
    } <= set(found)
    assert found["price"]["price_source"] == "genai-prices"


@pytest.mark.usefixtures("ecosystem")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["recommend", "jd_parse", "--module", "jseeker"], "alias"),
        (["spend"], "total"),
        (["status"], "month"),
        (["forecast"], "modules"),
        (["alerts", "--months"], "months"),
    ],
)
def test_a_command_that_reads_loads_nothing_heavy_for_settings_and_the_owners_files(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget import settings, snapshot

    monkeypatch.setenv("GAIA_BUDGET_MODULES", '{"jseeker": {"alert_threshold_pct": 70}}')
    snapshot.write(settings.load())
    probe = (
        "import sys\n"
        "from gaia_budget.cli.app import main\n"
        f"sys.argv = ['gaia-budget', *{words!r}, '--json']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)[told]


@pytest.mark.usefixtures("ecosystem")
def test_outcomes_are_recorded_and_change_the_answer() -> None:
    recorded = answer("outcome", "JD parse", "haiku", "--insufficient", "--reason", "lost the salary")[
        "recorded"
    ]
    assert (recorded["task"], recorded["model"], recorded["ok"]) == ("jd_parse", "claude-haiku-5-5", False)
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    with Ledger.open(settings=load()) as ledger:
        for _ in range(9):
            ledger.record_outcome("jd_parse", "claude-haiku-5-5", False)
        assert ledger.outcomes("jd_parse")[-1].reason == "lost the salary"
    found = answer("recommend", "jd_parse")
    assert found["alias"] == "sonnet"
    assert found["evidence"][0].startswith("claude-haiku-5-5: 0 of 10")
    assert answer("recommend", "classification")["alias"] == "haiku"


def test_options_that_are_no_text_are_still_checked() -> None:
    assert "int" in run("recommend", "jd_parse", "--context-tokens", "many", code=2)
    assert "Missing argument" in run("recommend", code=2)
    assert "jd_parse" in run("recommend", "--help")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("recommend", ""), "no task given"),
        (("outcome", "x" * 61, "haiku", "--ok"), "at most 60 characters"),
        (("outcome", "_", "haiku", "--ok"), "at most 60 characters"),
        (("outcome", "jd_parse", "gpt-99", "--ok"), "unknown model 'gpt-99'. Valid: haiku"),
        (("prices", "show", "claude-opus-9"), "Nearest: claude-opus-5"),
        (("prices", "show", "opuss"), "Nearest: opus"),
        (("prices", "show", "our-llama"), "prices.toml"),
        (("prices", "show", "haiku", "--at", "May"), "write it as 2026-02-09"),
    ],
)
def test_wrong_input_ends_with_1_and_the_valid_choices(arguments: tuple[str, ...], told: str) -> None:
    assert told in run(*arguments, code=1)


@pytest.mark.usefixtures("ecosystem")
@pytest.mark.parametrize(
    "text", ["rename the zygomorphic variable", "zygomorphic " * 8_000, "`zygomorphic()`"]
)
def test_nothing_of_a_described_task_is_kept(text: str, tmp_path: Path) -> None:
    assert answer("recommend", text)["model"]
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"zygomorphic" in path.read_bytes()]
    assert any(path.is_file() for path in tmp_path.rglob("*")) and kept == []


def test_a_task_that_the_table_lacks_is_taught_and_learnt_under_every_spelling() -> None:
    for spelling in ("cover_letter", "Cover Letter", "cover-letter", "coverLetter"):
        for _ in range(4):
            recorded = answer("outcome", spelling, "sonnet", "--insufficient")["recorded"]
        assert recorded["task"] == "cover_letter"
    assert answer("recommend", "cover letter")["evidence"][0].startswith("claude-sonnet-5-5: 0 of 16")


@pytest.mark.parametrize("verdict", [(), ("--ok", "--insufficient")])
def test_an_outcome_is_either_sufficient_or_not(verdict: tuple[str, ...]) -> None:
    assert "--ok / --insufficient" in run("outcome", "jd_parse", "haiku", *verdict, code=2)


def test_the_estimated_cost_names_the_call_it_is_for() -> None:
    assert answer("recommend", "jd_parse")["estimated_for"] == {"input_tokens": 3_000, "output_tokens": 500}
    assert "for a call of 9,000 tokens in, 500 out" in run(
        "recommend", "jd_parse", "--context-tokens", "9000"
    )


def test_prices_show_gives_tiers_variants_and_the_rows_of_a_day() -> None:
    rows = answer("prices", "show", "haiku")["rows"]
    assert {row["above_prompt_tokens"] for row in rows if not row["variant"]} == {0, 100_000}
    assert {row["variant"] for row in rows} == {"", "batch"}
    assert rows[0]["input_per_1m"] == "0.1000"
    then = answer("prices", "show", "claude-opus-4-6", "--at", "2026-02-09")["rows"]
    assert [row["input_per_1m"] for row in then if not row["variant"]] == ["5.0000", "10.0000"]
    now = answer("prices", "show", "claude-opus-4-6", "--at", "2026-11-24")["rows"]
    assert [row["input_per_1m"] for row in now if not row["variant"]] == ["5.0000"]


@pytest.mark.usefixtures("ecosystem")
def test_prices_check_ends_with_1_while_something_needs_a_change() -> None:
    found = answer("prices", "check", code=1)
    drift = {entry["name"]: entry for entry in found["drift"]}
    assert drift["haiku"]["percent"]["input"] == "-20.0"
    assert drift["opus"]["percent"]["input"] == "+200.0"
    gone = {entry["model"] for entry in found["retired"] if entry["since"] < "2026-11-24"}
    assert gone == {"gemini-2.0-flash", "gemini-2.0-pro"}
    text = run("prices", "check", code=1)
    assert (
        "your file has input of haiku at $0.8000 per million tokens, the real price is $1.0000: 20 % too low"
        in text
    )
    assert "against claude-haiku-5-5, which the name means today: input 700 % too high" in text


def test_calibrate_says_when_there_is_too_little(home: Path) -> None:
    assert answer("prices", "calibrate") == {"transcripts": 0, "samples": 0, "generations": {}}
