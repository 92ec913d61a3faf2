"""Whatever a provider answers, reading it raises nothing: the call is paid by then."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_budget.middleware.reserve import bounds
from gaia_budget.middleware.wire import Seen, claude, gemini, openai

KEYS = (
    "usage", "usageMetadata", "type", "message", "delta", "content", "candidates", "finishReason", "parts", "text",
    "choices", "finish_reason", "response", "output", "status", "action", "groundingMetadata", "webSearchQueries",
    "input_tokens", "cache_creation", "server_tool_use", "prompt_tokens_details", "model", "service_tier",
)  # fmt: skip
WORDS = (
    "message_start",
    "message_delta",
    "content_block_start",
    "response.completed",
    "web_search_call",
    "STOP",
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=3)
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(KEYS), DOCUMENTS, max_size=6), st.sampled_from((claude, openai, gemini))
)
def test_no_document_breaks_a_reader(document: dict[str, Any], wire: Any) -> None:
    for take in (wire.whole, wire.event):
        seen = Seen()
        take(document, seen)
        assert seen.usage is None or all(type(one) is int and one >= 0 for one in seen.usage)


@pytest.mark.parametrize(
    ("wire", "path", "body"),
    [
        (claude, "/v1/messages", {"tools": [{"type": "web_search_20250305", "max_uses": 3}]}),
        (openai, "/v1/responses", {"tools": [{"type": "web_search"}]}),
        (gemini, "/v1beta/models/gemini-2.5-flash:generateContent", {"tools": [{"googleSearch": {}}]}),
    ],
)
def test_searches_of_the_web_are_held(wire: Any, path: str, body: dict[str, Any]) -> None:
    allowed = 3 if wire is claude else bounds.SEARCHES
    asked = wire.ask(path, {"model": "m", **body})
    assert bounds.searches(asked.body["tools"]) == allowed


def test_searches_of_the_web_are_counted() -> None:
    figures = {"usage": {"input_tokens": 5, "output_tokens": 7}}
    items = [
        {"type": "web_search_call", "action": {"type": kind}} for kind in ("search", "open_page", "search")
    ]
    seen = Seen()
    openai.whole({**figures, "output": items}, seen)
    assert seen.usage == (5, 7, 0, 0, 0, 0, 2)
    for model, count in (("gemini-2.5-flash", 1), ("gemini-3-pro", 2)):
        seen = Seen()
        candidate = {"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["a", "b"]}}
        document = {
            "modelVersion": model,
            "candidates": [candidate],
            "usageMetadata": {"promptTokenCount": 5},
        }
        gemini.event(document, seen)
        assert seen.usage == (5, 0, 0, 0, 0, 0, count)


def test_speech_and_images_are_told_apart_from_text() -> None:
    seen = Seen()
    openai.whole({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"audio_tokens": 4}}}, seen)
    assert seen.media == {"input_audio": 4}
    told = {
        "promptTokenCount": 9,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
        "candidatesTokenCount": 7,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 6}],
    }
    seen = Seen()
    gemini.whole({"usageMetadata": told}, seen)
    assert seen.media == {"input_audio": 4, "output_image": 6}
