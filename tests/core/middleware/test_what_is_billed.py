"""What an answer bills beside plain tokens, by whose price, and what is said where no list has one.

Each kind with members that were reported elsewhere:
- images and speech priced as text: github.com/BerriAI/litellm/issues/17410 (1,120 image tokens of gemini-3-pro-image at
  $12 instead of $120), github.com/BerriAI/litellm/pull/18153, github.com/ding113/claude-code-hub/issues/663 (2,000
  image and 340 text tokens: $0.2488), github.com/BerriAI/litellm/pull/9535 (speech of Gemini and of OpenAI)
- fees: github.com/iyulab/TokenMeter/releases/tag/v0.13.0 (one fee for a grounded prompt of Gemini 2.5, one for
  each query of Gemini 3), …/v0.14.0 (maps)
- by whose price: github.com/openclaw/openclaw/issues/54134 (DeepSeek at $0), github.com/ENTERPILOT/GoModel/issues/304
  (one model, two providers, two prices), github.com/comet-ml/opik/pull/7434 (a provider that nobody listed)
- figures that are none: github.com/co-l/openfox/pull/236 (null), github.com/LionSR/TeXRA/pull/1857 (absent),
  github.com/obot-platform/obot/issues/7488 (recorded as 0), github.com/BerriAI/litellm/issues/37992 (a true zero)
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from gaia_budget.middleware.books import bill
from gaia_budget.middleware.books.bill import Seller
from gaia_budget.middleware.wire import Ask, Seen, claude, figure, gemini, openai
from gaia_budget.prices import table
from gaia_hooks.facts.tokens import usage

NOW = time.time()
LATE_IN_2026 = 1_795_780_800
"""An instant of prices that end with the year."""
OPENAI, GEMINI = Seller("openai", "api.openai.com", known=True), Seller("gemini", known=True)
THREE_IMAGE, MILLION = "gemini-3-pro-image-preview", 1_000_000


def _billed(
    wire: Any, path: str, body: dict[str, Any], document: dict[str, Any], seller: Seller
) -> bill.PricedAnswer:
    ask = wire.ask(path, body)
    seen = Seen(ask)
    wire.whole(document, seen)
    return bill.bill(table.load(), seller, ask, seen, seen.usage or usage.NOTHING, NOW)


def _google(model: str, told: dict[str, Any], grounding: Any = None, **asked: Any) -> bill.PricedAnswer:
    candidate = {"finishReason": "STOP", "content": {"parts": [{"text": "ok"}]}}
    if grounding:
        candidate["groundingMetadata"] = grounding
    document = {"candidates": [candidate], "modelVersion": model, "usageMetadata": told}
    return _billed(gemini, f"/v1beta/models/{model}:generateContent", asked, document, GEMINI)


def _of(**tokens: int) -> list[dict[str, Any]]:
    return [{"modality": kind.upper(), "tokenCount": count} for kind, count in tokens.items()]


@pytest.mark.parametrize(
    ("model", "told", "nano"),
    [
        (THREE_IMAGE, {"promptTokenCount": 10, "candidatesTokenCount": 1345, "thoughtsTokenCount": 0,
                       "candidatesTokensDetails": _of(image=1120, text=225)},
         10 * 2000 + 1120 * 120_000 + 225 * 12_000),
        (THREE_IMAGE, {"promptTokenCount": 326, "candidatesTokenCount": 2340, "thoughtsTokenCount": 337,
                       "candidatesTokensDetails": _of(image=2000)}, 326 * 2000 + 2000 * 120_000 + 677 * 12_000),
        ("gemini-2.5-flash", {"promptTokenCount": 300, "promptTokensDetails": _of(audio=200, text=100),
                              "candidatesTokenCount": 10}, 100 * 300 + 200 * 1000 + 10 * 2500),
        ("gemini-2.5-flash", {"promptTokenCount": 900, "cachedContentTokenCount": 400, "candidatesTokenCount": 1,
                              "promptTokensDetails": _of(audio=900), "cacheTokensDetails": _of(audio=400)},
         500 * 1000 + 400 * 100 + 2500),
        ("gemini-embedding-2", {"promptTokenCount": 258, "promptTokenDetails": _of(image=258)}, 258 * 450),
        ("gemini-2.5-pro", {"promptTokenCount": 100, "promptTokensDetails": _of(audio=100)}, 100 * 1250),
    ],
    ids=["image and text", "image and thoughts", "speech", "cached speech", "image embedded", "speech at text's price"],
)  # fmt: skip
def test_tokens_of_images_and_speech_have_their_own_price(
    model: str, told: dict[str, Any], nano: int
) -> None:
    assert _google(model, told).nano == nano


@pytest.mark.parametrize(
    ("model", "queries", "fee"),
    [
        ("gemini-2.5-flash", ["a", "b", "c"], 35_000_000),
        ("gemini-3-flash-preview", ["a", "b", "c"], 3 * 14_000_000),
        ("gemini-3-flash-preview", ["a", "a", " "], 14_000_000),
        ("gemini-3-flash-preview", ["", ""], 0),
    ],
)
def test_a_search_is_charged_by_prompt_or_by_query_and_the_same_one_once(
    model: str, queries: list[str], fee: int
) -> None:
    told = {"promptTokenCount": 10, "candidatesTokenCount": 0}
    plain, found = _google(model, told).nano, _google(model, told, {"webSearchQueries": queries}).nano
    assert found == (plain or 0) + fee


def test_maps_interactions_and_caches_of_gemini_have_fees() -> None:
    told = {"promptTokenCount": 10, "candidatesTokenCount": 0}
    maps = {"groundingChunks": [{"maps": {"placeId": "p"}}]}
    assert _google("gemini-2.5-pro", told, maps).nano == 10 * 1250 + 25_000_000
    counted = {"total_input_tokens": 10, "total_output_tokens": 0,
               "grounding_tool_count": [{"type": "google_search", "count": 3},
                                        {"type": "google_maps", "count": 2}]}  # fmt: skip
    document = {
        "id": "i",
        "model": "gemini-3-flash-preview",
        "status": "completed",
        "steps": [],
        "usage": counted,
    }
    found = _billed(gemini, "/v1beta/interactions", {"model": document["model"]}, document, GEMINI)
    assert found.nano == 10 * 500 + 3 * 14_000_000 + 2 * 14_000_000
    made = {
        "name": "cachedContents/c",
        "model": "models/gemini-2.5-flash",
        "usageMetadata": {"totalTokenCount": MILLION},
    }
    asked = {"model": "models/gemini-2.5-flash", "ttl": "1800s"}
    assert _billed(gemini, "/v1beta/cachedContents", asked, made, GEMINI).nano == 300_000_000 + 500_000_000


def _chat(model: str, told: Any, seller: Seller = OPENAI, text: str = "ok", **more: Any) -> bill.PricedAnswer:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    document = {"model": model, "choices": [choice], "usage": told, **more}
    return _billed(openai, "/v1/chat/completions", {"model": model}, document, seller)


def _responded(
    items: list[dict[str, Any]], tools: list[dict[str, Any]], model: str = "gpt-4.1"
) -> bill.PricedAnswer:
    document = {"id": "r", "status": "completed", "model": model, "output": items,
                "usage": {"input_tokens": 1000, "output_tokens": 0}}  # fmt: skip
    return _billed(openai, "/v1/responses", {"model": model, "tools": tools}, document, OPENAI)


def test_tools_of_openai_are_charged_by_the_piece() -> None:
    base = 1000 * 2000
    calls = {
        kind: {"type": kind} for kind in ("file_search_call", "web_search_call", "code_interpreter_call")
    }
    assert _responded([calls["file_search_call"]] * 3, [{"type": "file_search"}]).nano == base + 3 * 2_500_000
    assert _responded([calls["web_search_call"]], [{"type": "web_search"}]).nano == base + 10_000_000
    assert _responded([calls["web_search_call"]], [{"type": "web_search_preview"}]).nano == base + 25_000_000
    run = [{**calls["code_interpreter_call"], "container_id": name} for name in ("a", "a", "b")]
    large = {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}
    assert _responded(run, [large]).nano == base + 2 * 120_000_000
    made_before = [{"type": "code_interpreter", "container": "cntr_1"}]
    assert _responded(run, made_before).nano == base, "a container that the app made was charged then"


def test_what_no_list_has_a_price_for_is_named_and_the_rest_is_billed() -> None:
    found = _responded([{"type": "image_generation_call"}, {"type": "hologram_call"}], [])
    assert (found.nano, found.unpriced) == (1000 * 2000, ("image generation", "hologram"))
    told = {"prompt_tokens": 10, "completion_tokens": 0}
    assert _chat("gpt-4o", told, service_tier="ultrafast").unpriced == ("service tier ultrafast",)
    assert _chat("gpt-4o", told, service_tier="flex").unpriced == ("flex tier of gpt-4o",)
    assert _chat("nobody-knows", told) == bill.PricedAnswer(None, "unpriced", ("model nobody-knows",))
    seen = Seen()
    claude.whole(
        {"usage": {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"x_requests": 2}}}, seen
    )
    assert seen.unpriced == ["usage server_tool_use.x_requests"]


def _claude(told: dict[str, Any], model: str = "claude-opus-4-6", **asked: Any) -> bill.PricedAnswer:
    document = {"model": model, "stop_reason": "end_turn", "content": [], "usage": told}
    return _billed(
        claude, "/v1/messages", {"model": model, **asked}, document, Seller("anthropic", known=True)
    )


def _run(kind: str, fresh: int, output: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": fresh, "output_tokens": output, **more}


def test_all_that_a_message_ran_is_billed_with_each_model_and_place() -> None:
    """Reported elsewhere: github.com/pydantic/pydantic-ai/issues/5065, github.com/BerriAI/litellm/issues/27060."""
    compacted = [_run("compaction", 150_000, 3_000), _run("message", 20_000, 900)]
    told = {"input_tokens": 20_000, "output_tokens": 900}
    assert _claude({**told, "iterations": compacted}).nano == 170_000 * 5_000 + 3_900 * 25_000
    asked = [_run("message", 400, 90), _run("advisor_message", 800, 1_600, model="claude-opus-4-6"),
             _run("message", 1_300, 440)]  # fmt: skip
    told = {"input_tokens": 1_700, "output_tokens": 530, "iterations": asked}
    found = _claude(told, "claude-sonnet-4-6").nano
    assert found == 1_700 * 3_000 + 530 * 15_000 + 800 * 5_000 + 1_600 * 25_000
    plain = {"input_tokens": 100_000, "output_tokens": 1_000}
    assert _claude({**plain, "inference_geo": "us"}).nano == (100_000 * 5_000 + 1_000 * 25_000) * 11 // 10
    assert _claude({**plain, "inference_geo": "global"}).nano == 100_000 * 5_000 + 1_000 * 25_000


def test_tiers_of_openai_by_every_name() -> None:
    told = {"prompt_tokens": 1000, "completion_tokens": 100}
    prices = {
        tier: _chat("gpt-5", told, service_tier=tier).nano for tier in ("default", "flex", "priority", "fast")
    }
    standard = 1000 * 1250 + 100 * 10_000
    assert prices == {
        "default": standard,
        "flex": standard // 2,
        "priority": 2 * standard,
        "fast": 2 * standard,
    }


@pytest.mark.parametrize(
    ("tier", "nano"), [("flex", 1000 * 250 + 100 * 4500), ("priority", 1000 * 900 + 100 * 16_200)]
)
@pytest.mark.parametrize("way", ["asked", "header", "traffic type"])
def test_a_tier_of_gemini_is_known_by_request_header_or_traffic_type(way: str, tier: str, nano: int) -> None:
    model, told = "gemini-3.8-flash-tts", {"promptTokenCount": 1000, "candidatesTokenCount": 100}
    if way == "traffic type":
        told |= {"trafficType": f"ON_DEMAND_{tier.upper()}"}
    ask = gemini.ask(
        f"/v1beta/models/{model}:generateContent", {"serviceTier": tier} if way == "asked" else {}
    )
    seen = Seen(ask)
    gemini.headers({"x-gemini-service-tier": tier} if way == "header" else {}, seen)
    gemini.whole({"candidates": [], "modelVersion": model, "usageMetadata": told}, seen)
    assert bill.bill(table.load(), GEMINI, ask, seen, seen.usage or usage.NOTHING, LATE_IN_2026).nano == nano


def test_a_region_that_is_dearer_is_billed_so() -> None:
    told = {"prompt_tokens": 1000, "completion_tokens": 100}
    for model, percent in (("gpt-5.5", 110), ("gpt-4o", 100)):
        usual, regional = (
            _chat(model, told),
            _chat(model, told, Seller("openai", "eu.api.openai.com", known=True)),
        )
        assert regional.nano == (usual.nano or 0) * percent // 100


def test_a_gateways_names_find_their_makers_price_and_a_host_its_own() -> None:
    told, gateway = {"prompt_tokens": 1000, "completion_tokens": 0}, Seller("openai", "gateway.example")
    for name, nano in (
        ("anthropic/claude-sonnet-4-6", 3_000_000),
        ("gemini-2.5-flash", 300_000),
        ("gpt-4o", 2_500_000),
    ):
        assert _chat(name, told, gateway).nano == nano
    found = table.load()
    hosts = {"https://api.deepseek.com/": "deepseek", "https://openrouter.ai/": "openrouter",
             "https://api.groq.com/": "groq", "https://api.x.ai/": "x-ai", "https://x.openai.azure.com/": "azure",
             "https://generativelanguage.googleapis.com/": "gemini", "https://gateway.example/": ""}  # fmt: skip
    assert {url: found.provider_at(url) for url in hosts} == hosts
    assert _chat("llama3.2", told, Seller("openai", "localhost", known=True, free=True)) == bill.PricedAnswer(
        0, "local"
    )


def test_the_model_asked_for_prices_an_answer_that_names_none_or_an_alias() -> None:
    ask = Ask("openai", "gpt-4o", "chat", {})
    for answered in ("", "our-deployment"):
        seen = Seen(ask)
        seen.model, seen.usage = answered, (1000, 0, 0, 0, 0, 0, 0)
        assert bill.bill(table.load(), OPENAI, ask, seen, seen.usage, NOW).nano == 2_500_000


def test_reasoning_told_beside_the_answer_is_added_and_within_it_is_not() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 900}}
    beside = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 1010, **details}
    within = {"prompt_tokens": 100, "completion_tokens": 910, "total_tokens": 1010, **details}
    assert _chat("gpt-5", beside).nano == _chat("gpt-5", within).nano == 100 * 1250 + 910 * 10_000


def test_a_provider_that_tells_its_own_bill_is_believed_at_its_own_host_alone() -> None:
    told = {"prompt_tokens": 1000, "completion_tokens": 0, "cost": 0.00123}
    assert _chat("gpt-4o", told, Seller("openrouter", known=True)) == bill.PricedAnswer(1_230_000, "provider")
    assert _chat("gpt-4o", told).nano == 2_500_000


@pytest.mark.parametrize(
    ("value", "read"),
    [(5, 5), (5.0, 5), ("5", 5), (" 7 ", 7), (0, 0), (None, None), (True, None), (-1, None), (5.5, None), ("x", None),
     (10**30, None), ("9" * 40, None), (float("nan"), None), (float("inf"), None)],
)  # fmt: skip
def test_a_figure_is_an_integer_however_it_is_written(value: object, read: int | None) -> None:
    assert figure(value) == read


def test_figures_as_floats_and_strings_are_billed() -> None:
    for write in (float, str):
        told = {"prompt_tokens": write(1000), "completion_tokens": write(100) if write is float else "100"}
        assert _chat("gpt-4o", told).nano == 1000 * 2500 + 100 * 10_000
