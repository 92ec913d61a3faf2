"""A reserve bounds what a request can cost, and lets work through.

Members that were reported elsewhere: an image by its bytes was 638,000 tokens
(github.com/diegosouzapw/OmniRoute/pull/8401), or 2.7 million (github.com/google-gemini/gemini-cli/pull/16004), or
eleven million (github.com/osaurus-ai/osaurus/pull/1511); a reply budget of everything that is left
(github.com/GEMISIS/leviath/pull/639).
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from gaia_budget import BudgetExceededError
from gaia_budget.middleware.books.bill import Seller
from gaia_budget.middleware.reserve import bounds
from gaia_budget.middleware.wire import claude, gemini, openai
from gaia_budget.prices import table

MILLION = 1_000_000
UNKNOWN_LIMIT = 128_000


def _bound(wire: Any, path: str, body: dict[str, Any], seller: str) -> bounds.Bound:
    size = len(json.dumps(body))
    return bounds.bound(table.load(), wire.ask(path, body), Seller(seller, known=True), size, UNKNOWN_LIMIT)


def _chat(**body: Any) -> bounds.Bound:
    return _bound(openai, "/v1/chat/completions", body, "openai")


def _message(content: list[Any], **more: Any) -> bounds.Bound:
    body = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": content}],
        **more,
    }
    return _bound(claude, "/v1/messages", body, "anthropic")


def _attached(kind: str, mime: str, data: bytes) -> dict[str, Any]:
    source = {"type": "base64", "media_type": mime, "data": base64.b64encode(data).decode()}
    return {"type": kind, "source": source}


def _pdf(pages: int, *, packed: bool = False) -> bytes:
    objects = b"".join(b"%d 0 obj<</Type /Page /Parent 2 0 R>>endobj\n" % number for number in range(pages))
    if packed:
        objects = b"9 0 obj<</Type/ObjStm>>stream\n" + zlib.compress(objects) + b"\nendstream"
    return b"%PDF-1.7\n" + objects + b"\n%%EOF"


def test_without_a_limit_the_models_own_maximum_is_held() -> None:
    hi = [{"role": "user", "content": "hi"}]
    assert 16_384 * 10_000 < _chat(model="gpt-4o", messages=hi).nano < 17_000 * 10_000
    assert 32_768 * 8_000 < _chat(model="gpt-4.1", messages=hi).nano < 33_500 * 8_000
    assert _chat(model="gpt-4o", messages=hi, n=3).nano > 3 * 16_384 * 10_000


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_is_held_by_its_pages_however_small_it_is(packed: bool) -> None:
    few, many = (
        _message([_attached("document", "application/pdf", _pdf(n, packed=packed))]) for n in (1, 100)
    )
    assert many.nano > 100 * 1_500 * 3_000 > few.nano


def test_an_image_is_held_by_what_its_maker_documents_not_by_its_bytes() -> None:
    large = _message([_attached("image", "image/png", b"\x89PNG" + bytes(2_000_000))])
    small = _message([_attached("image", "image/png", b"\x89PNG")])
    assert small.nano == large.nano
    assert 1_600 * 3_000 < large.nano < 10_000 * 6_000


def test_a_film_is_held_by_its_length_and_one_that_nobody_can_read_by_the_window() -> None:
    def held(data: bytes) -> int:
        inline = {"inlineData": {"mimeType": "video/mp4", "data": base64.b64encode(data).decode()}}
        body = {"contents": [{"parts": [inline]}], "generationConfig": {"maxOutputTokens": 10}}
        path = "/v1beta/models/gemini-2.5-flash:generateContent"
        return _bound(gemini, path, body, "gemini").nano

    header = b"mvhd" + bytes(12) + (1000).to_bytes(4, "big") + (60_000).to_bytes(4, "big") + bytes(80)
    assert 60 * 263 * 300 < held(b"\0\0\0\x6c" + header) < 60 * 400 * 1000
    assert held(bytes(100_000)) > 947_000 * 300


def test_what_the_provider_may_run_besides_is_held_too() -> None:
    plain = _message([{"type": "text", "text": "hi"}], max_tokens=1000)
    compacts = _message(
        [{"type": "text", "text": "hi"}],
        max_tokens=1000,
        context_management={"edits": [{"type": "compact_20260112"}]},
    )
    advised = _message(
        [{"type": "text", "text": "hi"}],
        max_tokens=1000,
        tools=[{"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-6", "max_uses": 2}],
    )
    assert compacts.nano >= 2 * plain.nano
    assert advised.nano > plain.nano + 2 * 8_192 * 25_000


def test_an_unknown_model_is_held_to_its_own_family_and_never_to_another_makers() -> None:
    prices = table.load()
    for provider, name, starts in (
        ("openai", "gpt-7-nobody", "gpt"),
        ("anthropic", "claude-sonnet-99", "claude-sonnet"),
        ("gemini", "gemini-99-flash", "gemini"),
    ):
        found = prices.dearest(provider, like=name)
        assert found is not None and found.model.startswith(starts)
    assert prices.dearest("openai", like="llama3.2") is None
    assert _chat(model="llama3.2", messages=[]).nano == bounds.LEAST


def test_a_refusal_says_which_limit_would_fit() -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    ask = openai.ask("/v1/chat/completions", body)
    bound = _chat(**body)
    silent = ask._replace(max_output=0)
    least = bounds.bound(table.load(), silent, Seller("openai", known=True), len(json.dumps(body)), 0)
    cure = bound.cure(ask, least, 50_000_000)
    limit = int(cure.partition("max_completion_tokens=")[2].partition(":")[0])
    assert _chat(**body, max_completion_tokens=limit).nano <= 50_000_000 < bound.nano
    assert limit > 4_000
    assert bound.cure(ask, least, 10) == "", "no limit helps where the prompt alone is too much"
    refusal = BudgetExceededError(
        "no.", scope="s", spent_nano=1, reserved_nano=2, limit_nano=3, resets_on="2026-12-01"
    )
    told = refusal.advised(cure)
    assert str(told).startswith("no. Or set max_completion_tokens=")
    assert (told.scope, told.spent_nano, told.resets_on) == ("s", 1, "2026-12-01")
