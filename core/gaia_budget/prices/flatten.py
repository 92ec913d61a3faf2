"""Makes the flat price table from genai-prices: every provider, model, date, tier and variant, as integers.

The rows are in the form of `gaia_hooks.facts.prices.pricing`; each comes from genai-prices' own resolution at the
instants where its data changes, so that it cannot differ from it. A kind of token without a price of its own is
charged as the kind it belongs to (a cache read as input, a one-hour write as a write), as genai-prices does.
Tokens of audio, images and video have rates of their own beside the tiers (`MEDIA`); prices by the page, the
minute and the character are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from genai_prices.types import ModelInfo, ModelPrice, Provider

FEMTO_PER_USD = 10**15
NANO_PER_USD = 10**9
DAY_SECONDS = 86_400
VARIANT_KEYS = ("processing", "service_tier", "speed")  # batch; flex, priority, fast; fast
ALWAYS_STANDARD = "default"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN_PRICES = ("input_mtok", "output_mtok")

# The kinds of a tier in the order of the flat form, each with the prices that serve, most specific first.
KINDS = (
    ("input_mtok",),
    ("output_mtok",),
    ("cache_read_mtok", "input_mtok"),
    ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
    ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
)
REASONING = ("output_reasoning_mtok",)

MEDIA = {
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "cached_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
    "cached_image": "cache_image_read_mtok",
    "input_video": "input_video_mtok",
    "output_video": "output_video_mtok",
}
"""Kinds of tokens within a usage that may have a price of their own, by the name that the list gives it."""


def build(providers: Iterable[Provider]) -> dict[str, Any]:
    """The whole table: `rows` by key, `providers` with what is needed to find a model, `models` with facts.

    A model that its own name finds without a provider has that name as key, all others `provider/model`.
    """
    providers = list(providers)
    rows: dict[str, Any] = {}
    found: list[Any] = []
    facts: dict[str, Any] = {}
    for provider in providers:
        listed = []
        for model in provider.models:
            key = _key(provider, model, providers)
            if not _priced(model):
                continue
            listed.append([key, model.id, _rule(model.match)])
            facts[key] = _facts(model)
            rows[key] = model_rows(model)
            for variant, context in variants(model).items():
                rows[f"{key}#{variant}"] = model_rows(model, context)
        found.append(
            {
                "id": provider.id,
                "hosts": provider.api_pattern,
                "owns": _rule(provider.model_match),
                "named": _rule(provider.provider_match),
                "fallback": provider.fallback_model_providers or [],
                "models": listed,
            }
        )
    return {"rows": rows, "providers": found, "models": facts}


def model_rows(model: ModelInfo, context: Mapping[str, str] | None = None) -> list[Any]:
    """The rows of one model in the order of time; `context` selects a variant as genai-prices names it."""
    made: list[list[Any]] = []
    for start in _starts(model):
        hours = list(pairwise(_seconds(model)))
        rows = [_row(start, model.get_prices(_moment(start, second), context)) for second, _ in hours]
        if any(row != rows[0] for row in rows):
            made += [_in_hours(row, *window) for row, window in zip(rows, hours, strict=True)]
        elif not made or made[-1][1:] != rows[0][1:]:
            made.append(rows[0])
    return made


def variants(model: ModelInfo) -> dict[str, dict[str, str]]:
    """The request variants that have prices of their own, with the context that selects each."""
    named: dict[str, dict[str, str]] = {}
    for variant in model.price_variants or ():
        keys = [key for key in VARIANT_KEYS if key in variant.when]
        if len(variant.when) == 1 and keys and variant.when[keys[0]] != ALWAYS_STANDARD:
            named.setdefault(variant.when[keys[0]], dict(variant.when))
    return named


def _key(provider: Provider, model: ModelInfo, providers: list[Provider]) -> str:
    name = model.id.lower()
    owner = next((one for one in providers if one.model_match and one.model_match.is_match(name)), None)
    if owner is provider and owner.find_model(name) is model:
        return model.id
    return f"{provider.id}/{model.id}"


def _priced(model: ModelInfo) -> bool:
    prices = model.prices if isinstance(model.prices, list) else None
    all_prices = [entry.prices for entry in prices] if prices is not None else [model.prices]
    return any(getattr(one, name) is not None for one in all_prices for name in TOKEN_PRICES)


def _facts(model: ModelInfo) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if model.context_window:
        facts["context_window"] = model.context_window
    if model.deprecated:
        facts["deprecated"] = True
    return facts


def _constraints(model: ModelInfo) -> list[Any]:
    prices = model.prices if isinstance(model.prices, list) else []
    return [entry.constraint for entry in [*prices, *(model.price_variants or ())] if entry.constraint]


def _starts(model: ModelInfo) -> list[int]:
    dates = {constraint.start_date for constraint in _constraints(model) if hasattr(constraint, "start_date")}
    return sorted({0, *(_epoch(datetime.combine(one, time(), UTC)) for one in dates)})


def _seconds(model: ModelInfo) -> list[int]:
    times = [
        moment
        for constraint in _constraints(model)
        if hasattr(constraint, "start_time")
        for moment in (constraint.start_time, constraint.end_time)
    ]
    return sorted({0, DAY_SECONDS, *(_second_of_day(moment) for moment in times)})


def _second_of_day(moment: time) -> int:
    offset = moment.utcoffset() or timedelta()
    since_midnight = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)
    return int((since_midnight - offset).total_seconds()) % DAY_SECONDS


def _epoch(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds())


def _moment(start: int, second: int) -> datetime:
    return EPOCH + timedelta(seconds=start + second)


def _in_hours(row: list[Any], from_second: int, to_second: int) -> list[Any]:
    extras = {**(row[3] if len(row) > 3 else {}), "daily": [from_second, to_second]}
    return [*row[:3], extras]


def _row(start: int, price: ModelPrice) -> list[Any]:
    tiers: list[list[Any]] = []
    for above in _thresholds(price):
        rates = [_per_token(price, names, above) for names in KINDS]
        reasoning = _per_token(price, REASONING, above)
        if reasoning is not None:
            rates.append(reasoning)
        tiers.append([above, *rates])
    media = {
        kind: [_per_token(price, (name,), tier[0]) for tier in tiers]
        for kind, name in MEDIA.items()
        if getattr(price, name) is not None
    }
    return flat_row(
        start,
        tiers,
        _per_thousand(price, "web_searches_kcount"),
        _per_thousand(price, "requests_kcount"),
        media=media,
        per_file_search=_per_thousand(price, "storage_searches_kcount"),
    )


def flat_row(
    start: int,
    tiers: list[list[Any]],
    per_search: Decimal | None,
    per_request: Decimal | None = None,
    source: str = "",
    *,
    media: Mapping[str, list[Decimal | None]] | None = None,
    per_file_search: Decimal | None = None,
) -> list[Any]:
    """A row in the flat form from amounts in USD (per token, search, request), none of them rounded.

    The first figure of a tier is its threshold. `source` is who names the price, where it is not the table's.
    `media` has for each kind (`MEDIA`) a rate per tier.
    """
    amounts = [rate for tier in tiers for rate in tier[1:] if rate is not None]
    amounts += [rate for rates in (media or {}).values() for rate in rates if rate is not None]
    amounts += [amount for amount in (per_search, per_request, per_file_search) if amount is not None]
    scale = FEMTO_PER_USD
    while any(amount * scale % 1 for amount in amounts):
        scale *= 10
    extras: dict[str, Any] = {"source": source} if source else {}
    if per_request:
        extras["request"] = int(per_request * scale)
    if per_file_search:
        extras["file_search"] = int(per_file_search * scale)
    if media:
        extras["media"] = {
            kind: [None if rate is None else int(rate * scale) for rate in rates]
            for kind, rates in media.items()
        }
    if scale != FEMTO_PER_USD:
        extras["per_nano"] = scale // NANO_PER_USD
    whole = [[tier[0], *(None if rate is None else int(rate * scale) for rate in tier[1:])] for tier in tiers]
    row: list[Any] = [start, whole, None if per_search is None else int(per_search * scale)]
    return [*row, extras] if extras else row


def _thresholds(price: ModelPrice) -> list[int]:
    names = {name for kind in (*KINDS, REASONING, MEDIA.values()) for name in kind}
    tiered = [value for name in names if hasattr(value := getattr(price, name), "tiers")]
    return sorted({-1, *(tier.start for value in tiered for tier in value.tiers)})


def _per_token(price: ModelPrice, names: tuple[str, ...], above: int) -> Decimal | None:
    for name in names:
        value = getattr(price, name)
        if value is None:
            continue
        if not hasattr(value, "tiers"):
            return Decimal(value) / 10**6
        reached = [tier.price for tier in value.tiers if tier.start <= above]
        return Decimal(reached[-1] if reached else value.base) / 10**6
    return None


def _per_thousand(price: ModelPrice, name: str) -> Decimal | None:
    value = getattr(price, name)
    if value is None:
        return None
    return Decimal(value.base if hasattr(value, "tiers") else value) / 1000


def _rule(match: Any) -> Any:
    """A match rule as JSON: [kind, text], or ["or" / "and", rules]."""
    if match is None:
        return None
    ((kind, value),) = vars(match).items()
    name = kind.rstrip("_")
    return [name, [_rule(one) for one in value]] if name in ("or", "and") else [name, value]
