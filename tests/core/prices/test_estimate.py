"""An estimate is counted offline, carries its band, and follows the user's own usage."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from gaia_budget.errors import InputError
from gaia_budget.prices import calibration, estimate, vocabulary

PROSE = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. "


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("claude-3-5-haiku-latest", "claude to 4.6"),
        ("claude-haiku-4-5-20251001", "claude to 4.6"),
        ("claude-opus-4-20250514", "claude to 4.6"),
        ("us.anthropic.claude-opus-4-6-v1:0", "claude to 4.6"),
        ("claude-opus-4-7", "claude from 4.7"),
        ("claude-sonnet-5", "claude from 4.7"),
        ("haiku", "claude from 4.7"),
        ("claude-opus-5-5[1m]", "claude from 4.7"),
        ("gpt-4o-mini", "openai"),
        ("models/gemini-3.8-flash", "gemini"),
        ("llama-3", "any other"),
    ],
)
def test_each_model_has_the_tokenizer_of_its_generation(model: str, generation: str) -> None:
    assert vocabulary.generation_of(model).name == generation


def test_the_vocabulary_counts_as_tiktoken_does() -> None:
    assert vocabulary.count("hello world") == 2
    assert vocabulary.count("") == 0
    assert vocabulary.count("<|endoftext|>") == 7


def test_an_estimate_carries_its_band_and_its_method() -> None:
    counted = vocabulary.count(PROSE * 50)
    assert counted is not None
    newest = estimate.estimate_tokens(PROSE * 50, "claude-opus-5-5")
    assert newest.method == "tiktoken"
    assert newest.tokens == round(counted * 1.53)
    assert newest.low < newest.tokens < newest.high
    assert estimate.estimate_tokens(PROSE * 50, "gpt-4o").tokens == counted
    assert estimate.estimate_tokens("", "opus").tokens == 0


def test_counting_opens_no_socket() -> None:
    probe = (
        "import sys\n"
        "sys.addaudithook(lambda event, args: event.startswith('socket.') and sys.exit(event))\n"
        "from gaia_budget.prices.estimate import estimate_tokens\n"
        "print(estimate_tokens('hello world', 'gpt-4o'), 'bpe_openai' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "tokens=2" in done.stdout and done.stdout.strip().endswith("False")


def test_without_a_vocabulary_a_stated_heuristic_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "PACKAGE", "a_package_that_is_not_installed")
    vocabulary._encoding.cache_clear()
    try:
        found = estimate.estimate_tokens("abcd" * 100 + "漢字", "gpt-4o")
        assert found.method == "heuristic"
        assert found.tokens == 102
        assert found.low <= 102 * 0.66 and found.high >= 102 * 1.34
    finally:
        vocabulary._encoding.cache_clear()


def test_a_long_text_without_a_break_is_counted_in_pieces() -> None:
    assert vocabulary.count("a" * 1_000_000) == 125_000


def test_an_exact_count_needs_a_key() -> None:
    with pytest.raises(InputError, match="ANTHROPIC_API_KEY"):
        estimate.exact_tokens("hello", "opus")


def assistant(number: int, prompt: int, output: int, model: str = "claude-opus-5-5") -> dict[str, Any]:
    usage = {"input_tokens": prompt, "output_tokens": output}
    message = {"id": f"m{number}", "model": model, "usage": usage, "content": []}
    return {"type": "assistant", "sessionId": "s", "message": message}


def said(text: str, tool: bool = False) -> dict[str, Any]:
    content: Any = [{"type": "tool_result", "content": [{"type": "text", "text": text}]}] if tool else text
    return {"type": "user", "sessionId": "s", "message": {"role": "user", "content": content}}


def conversation(turns: int, factor: float) -> list[dict[str, Any]]:
    """A thread whose new blocks cost exactly `factor` tokens per o200k token."""
    prompt, rows = 5_000, [said("begin")]
    for number in range(turns):
        rows += [assistant(number, prompt, 100), assistant(number, prompt, 100)]
        text = PROSE * (3 + number % 7)
        counted = vocabulary.count(text) or 0
        rows.append(said(text, tool=number % 2 == 0))
        prompt += 100 + round(counted * factor)
    return [*rows, assistant(turns, prompt, 100)]


def test_calibration_finds_the_factor_of_the_users_own_usage() -> None:
    rows = conversation(30, 1.9)
    samples = list(calibration.samples(rows))
    assert len(samples) == 30
    fitted = calibration.fit(samples)
    assert fitted["claude from 4.7"].factor == pytest.approx(1.9, abs=0.01)
    assert fitted["claude from 4.7"].band < 0.05
    assert estimate.estimate_tokens(PROSE, "opus").method == "tiktoken"
    calibration.save(fitted)
    calibrated = estimate.estimate_tokens(PROSE * 9, "opus")
    assert calibrated.method == "tiktoken, calibrated"
    assert calibrated.tokens == pytest.approx(1.9 * (vocabulary.count(PROSE * 9) or 0), rel=0.01)


def test_a_stored_calibration_holds_no_text() -> None:
    path = calibration.save(calibration.fit(calibration.samples(conversation(30, 1.2))))
    stored = json.loads(path.read_text("ascii"))
    assert set(stored["claude from 4.7"]) == {"factor", "band", "samples"}


def test_few_samples_and_broken_rows_change_nothing() -> None:
    assert calibration.fit(calibration.samples(conversation(5, 1.9))) == {}
    odd = [
        None,
        1,
        [],
        {"type": "user"},
        {"type": "user", "message": {"content": [{"type": "image"}, 3, None]}},
    ]
    assert list(calibration.samples([*odd, *conversation(1, 1.5), *odd])) != []
    shrunk = [assistant(1, 9_000, 10), said(PROSE), assistant(2, 4_000, 10)]
    assert list(calibration.samples(shrunk)) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"claude": 1}', '{"claude": {"x": 1}}'])
def test_a_damaged_calibration_file_is_as_none(content: str) -> None:
    path = calibration.save({})
    path.write_text(content, encoding="ascii")
    assert estimate.estimate_tokens("hello", "opus").method == "tiktoken"
