"""What a response costs: integer arithmetic over a flat price row. Shared by hooks, ledger and middleware.

A price table maps a model id (or `id#variant` for `fast`, `batch`, …) to its rows; the last one in force counts.
The variants `us`, `fast-us` and `batch-us` are made of those rows (`us_only`).

    {"claude-haiku-5-5": [[from_epoch_seconds, tiers, per_web_search], …]}
    tiers = [[above_prompt_tokens, input, output, cache_read, cache_write_5m, cache_write_1h], …]

Rates are integer femto-dollars (10**-15 USD) per token, fine enough that no published price is rounded.
The tier of a response is the last one whose `above_prompt_tokens` its prompt (input + writes + reads)
exceeds; the first tier starts at -1. All tokens of the response are charged at that tier.
A rate of None means the price list has no price for that kind of token: a response with such tokens is
unpriced.

What few rows have: a seventh figure of a tier is the rate of reasoning tokens where it is not the one of
output; a fourth part of a row is a dict with any of `source` (who names this price, when it is not the table's
own source), `request` (rate of one request), `daily` ([from, to) in seconds of the UTC day: the row is in
force then only), `per_nano` (units in a nano-dollar, where femto-dollars would round a price), `media` (rates of
tokens of audio, images and video by kind, one for each tier), `file_search` (rate of one) and `flat` (a contract's
row: no surcharge comes on top).
"""

from gaia_hooks.machine import files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:  # the typing module costs milliseconds on the hook path
    from collections.abc import Iterable
    from typing import Any

FEMTO_PER_NANO = 1_000_000
US = "us"  # the variant, or the end of one, of what was inferred in the US only
US_TENTHS = 11
CONTRACT = "contract"  # who names a price that an organisation pays for what Claude Code uses


def row_at(rows: "list[Any] | None", epoch_seconds: float) -> "list[Any] | None":
    """The price row in force at an instant, or None when the model had no price then."""
    found = None
    for row in rows or ():
        if row[0] <= epoch_seconds and (len(row) < 4 or _in_hours(row[3], epoch_seconds)):
            found = row
    return found


def _in_hours(extras: "dict[str, Any]", epoch_seconds: float) -> bool:
    hours = extras.get("daily")
    return hours is None or bool(hours[0] <= epoch_seconds % 86_400 < hours[1])


def source_of(row: "list[Any] | None", default: str) -> str:
    """Who names the price of a row; `default` is the source of the table that it stands in."""
    if row is None:
        return "unpriced"
    return str(row[3].get("source", default)) if len(row) > 3 else default


def tier_of(row: "list[Any]", prompt: int) -> int:
    """Which of a row's tiers a prompt of that many tokens falls into."""
    return max(place for place, tier in enumerate(row[1]) if place == 0 or prompt > tier[0])


def cost_nano(
    usage: "tuple[int, ...] | list[int]",
    row: "list[Any] | None",
    more: int = 0,
    runs: "tuple[tuple[int, ...], ...]" = (),
) -> "int | None":
    """Nano-dollars of one response's usage (see `gaia_hooks.facts.tokens.usage`), rounded half to even, once.

    `more` is what else it bills, in the units of the row. Where its model ran more than once (`runs`, which sum to
    `usage`), each run is charged at its own prompt's tier. None means unpriced: no row, or tokens of a kind that the
    row has no price for.
    """
    if row is None:
        return None
    per_nano, units = FEMTO_PER_NANO, more
    if len(row) > 3:
        per_nano = row[3].get("per_nano", per_nano)
        units += row[3].get("request", 0)
    for run in runs or (usage,):
        charged = _units(run, row)
        if charged is None:
            return None
        units += charged
    nano, rest = divmod(units, per_nano)
    if 2 * rest > per_nano or (2 * rest == per_nano and nano % 2):
        nano += 1
    return int(nano)


def _units(usage: "tuple[int, ...] | list[int]", row: "list[Any]") -> "int | None":
    """What one run costs in the row's own unit; None where a kind of its tokens has no price."""
    fresh, output, read, write_5m, write_1h, reasoned, searches = usage
    prompt = fresh + read + write_5m + write_1h
    rates = row[1][0]
    for tier in row[1]:
        if prompt > tier[0]:
            rates = tier
    reasoning = min(reasoned, output) if len(rates) > 6 else 0
    try:
        units = fresh * rates[1] + (output - reasoning) * rates[2] + read * rates[3] + write_5m * rates[4]
        units += write_1h * rates[5] + reasoning * rates[-1]
        if searches:
            units += searches * row[2]
    except TypeError:  # a kind without a price: that matters where there are such tokens
        counts = (fresh, output - reasoning, read, write_5m, write_1h, reasoning, searches)
        pairs = [pair for pair in zip(counts, (*rates[1:6], rates[-1], row[2])) if pair[0]]
        if any(rate is None for _, rate in pairs):
            return None
        units = sum(count * rate for count, rate in pairs)
    return int(units)


def us_only(rows: "list[Any] | None", model: str) -> "list[Any] | None":
    """The rows of a model whose requests are inferred in the US only: 1.1 times every kind of token, not searches.

    Anthropic charges so from the 4.6 models on; what is older has one price.
    """
    if rows is None or not _charges_for_place(model):
        return rows
    return [row if len(row) > 3 and row[3].get("flat") else _times(row, US_TENTHS, 10, 10) for row in rows]


def scaled(rows: "list[Any]", times: "list[int] | tuple[int, int]") -> "list[Any]":
    """The rows at a contract's share of every price: `times` is its numerator and denominator."""
    numerator, denominator = times
    if numerator == denominator:
        return rows
    made = [_times(row, numerator, denominator, numerator) for row in rows]
    for row in made:
        row[3]["source"] = CONTRACT
    return made


def _times(row: "list[Any]", tokens: int, denominator: int, pieces: int) -> "list[Any]":
    """A row with its rates of tokens, and of searches and requests, times a fraction; in a finer unit, so exact."""
    tiers = [[tier[0], *(None if rate is None else rate * tokens for rate in tier[1:])] for tier in row[1]]
    extras = dict(row[3]) if len(row) > 3 else {}
    extras["per_nano"] = extras.get("per_nano", FEMTO_PER_NANO) * denominator
    if "request" in extras:
        extras["request"] *= pieces
    return [row[0], tiers, None if row[2] is None else row[2] * pieces, extras]


def _charges_for_place(model: str) -> bool:
    words = model.lower().replace(".", "-").replace("@", "-").split("-")
    if "claude" not in words and not model.lower().startswith("claude"):
        return False
    version = [int(word) for word in words if word.isdigit() and len(word) < 3]
    return version[:2] >= [4, 6] if len(version) > 1 else version >= [5]


def split_variant(variant: str) -> "tuple[str, bool]":
    """The variant that the price list knows, and whether its price is that of the US."""
    if variant == US or variant.endswith("-" + US):
        return variant[: -len(US)].rstrip("-"), True
    return variant, False


def family_of(model: str, families: "Iterable[str]") -> str:
    """Which of Claude's families a model belongs to, by its name; empty for any other model."""
    if "claude" not in model.lower():
        return ""
    parts = model.lower().replace(".", "-").split("-")
    return next((family for family in families if family in parts), "")


def rows_of(table: "dict[str, Any]", model: str, variant: str = "") -> "list[Any] | None":
    """The rows of a model as transcripts name it: exact, without `[1m]`, or without its date; else None."""
    if variant:
        service, us_too = split_variant(variant)
        if us_too:
            return us_only(rows_of(table, model, service), model)
    suffix = "#" + variant if variant else ""
    name = model[:-4] if model.endswith("[1m]") else model
    rows = table.get(name + suffix)
    if rows is None and name[-9:-8] == "-" and name[-8:].isdigit():
        rows = table.get(name[:-9] + suffix)
    return rows


def listed_rows(home: str, policy: "dict[str, Any]", model: str, variant: str) -> "list[Any]":
    """The rows of a model that the snapshot does not hold, by any of its names; empty where it is unknown.

    Other makers behind a gateway, a cloud's names of Claude's models: the whole price list is read, so that whoever
    asks keeps the answer.
    """
    if len(model) > 300:  # a name is matched against patterns
        return []
    from gaia_hooks.facts.prices import model_names

    try:
        listed = jsonio.loads(files.read(files.join(home, "cache", "prices.json")))
        found = model_names.find(listed["providers"], model)
        if found is None:
            return rows_of(policy["prices"], model.lower(), variant) or []  # a contract's name for it
        rows = rows_of(policy["prices"], found[0], variant)
        return rows or scaled(rows_of(listed["rows"], found[0], variant) or [], policy["price_times"])
    except (OSError, ValueError, KeyError, TypeError):
        return []  # not written yet, or of another version: the next ingest prices it
