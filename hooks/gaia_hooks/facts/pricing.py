"""What a response costs: integer arithmetic over a flat price row. Shared by hooks, ledger and middleware.

A price table maps a model id (or `id#variant` for `fast`, `batch`, …) to its rows; the last one in force counts:

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
tokens of audio, images and video by kind, one for each tier) and `file_search` (rate of one).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:  # the typing module costs milliseconds on the hook path
    from typing import Any

FEMTO_PER_NANO = 1_000_000


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


def cost_nano(usage: "tuple[int, ...] | list[int]", row: "list[Any] | None", more: int = 0) -> "int | None":
    """Nano-dollars of one response's usage (see `gaia_hooks.facts.usage`), rounded half to even, once.

    `more` is what else it bills, in the units of the row. None means unpriced: no row, or tokens of a kind that
    the row has no price for.
    """
    if row is None:
        return None
    fresh, output, read, write_5m, write_1h = usage[0], usage[1], usage[2], usage[3], usage[4]
    prompt = fresh + read + write_5m + write_1h
    rates = row[1][0]
    for tier in row[1]:
        if prompt > tier[0]:
            rates = tier
    per_nano, request, reasoning = FEMTO_PER_NANO, 0, 0
    if len(row) > 3:
        per_nano = row[3].get("per_nano", per_nano)
        request = row[3].get("request", 0)
    if len(rates) > 6:
        reasoning = min(usage[5], output)
    try:
        units = fresh * rates[1] + (output - reasoning) * rates[2] + read * rates[3] + write_5m * rates[4]
        units += write_1h * rates[5] + reasoning * rates[-1]
        if usage[6]:
            units += usage[6] * row[2]
    except TypeError:  # a kind without a price: that matters where there are such tokens
        counts = (fresh, output - reasoning, read, write_5m, write_1h, reasoning, usage[6])
        pairs = [pair for pair in zip(counts, (*rates[1:6], rates[-1], row[2])) if pair[0]]
        if any(rate is None for _, rate in pairs):
            return None
        units = sum(count * rate for count, rate in pairs)
    units += request + more
    nano, rest = divmod(units, per_nano)
    if 2 * rest > per_nano or (2 * rest == per_nano and nano % 2):
        nano += 1
    return int(nano)


def rows_of(table: "dict[str, Any]", model: str, variant: str = "") -> "list[Any] | None":
    """The rows of a model as transcripts name it: exact, without `[1m]`, or without its date; else None."""
    suffix = "#" + variant if variant else ""
    name = model[:-4] if model.endswith("[1m]") else model
    rows = table.get(name + suffix)
    if rows is None and name[-9:-8] == "-" and name[-8:].isdigit():
        rows = table.get(name[:-9] + suffix)
    return rows
