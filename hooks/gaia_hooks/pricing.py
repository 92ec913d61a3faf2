"""What a response costs: integer arithmetic over a flat price row. Shared by hooks, ledger and middleware.

A price table maps a model id (or `id#variant` for `fast`, `batch`, …) to its rows in the order of time:

    {"claude-haiku-5-5": [[from_epoch_seconds, tiers, femto_per_web_search], …]}
    tiers = [[above_prompt_tokens, input, output, cache_read, cache_write_5m, cache_write_1h], …]

Rates are integer femto-dollars (10**-15 USD) per token, fine enough that no published price is rounded.
The tier of a response is the last one whose `above_prompt_tokens` its prompt (input + writes + reads)
exceeds; the first tier starts at -1. All tokens of the response are charged at that tier.
A rate of None means the price list has no price for that kind of token: a response with such tokens is
unpriced.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:  # the typing module costs milliseconds on the hook path
    from typing import Any

FEMTO_PER_NANO = 1_000_000


def row_at(rows: "list[Any] | None", epoch_seconds: float) -> "list[Any] | None":
    """The price row in force at an instant, or None when the model had no price then."""
    found = None
    for row in rows or ():
        if row[0] <= epoch_seconds:
            found = row
    return found


def cost_nano(usage: "tuple[int, ...] | list[int]", row: "list[Any] | None") -> "int | None":
    """Nano-dollars of one response's usage (see `gaia_hooks.usage`), rounded half to even, once.

    None means unpriced: no row, or tokens of a kind that the row has no price for.
    """
    if row is None:
        return None
    fresh, output, read, write_5m, write_1h = usage[0], usage[1], usage[2], usage[3], usage[4]
    prompt = fresh + read + write_5m + write_1h
    rates = row[1][0]
    for tier in row[1]:
        if prompt > tier[0]:
            rates = tier
    femto = 0
    searches = usage[6]
    pairs = (
        (fresh, rates[1]),
        (output, rates[2]),
        (read, rates[3]),
        (write_5m, rates[4]),
        (write_1h, rates[5]),
        (searches, row[2]),
    )
    for tokens, rate in pairs:
        if tokens:
            if rate is None:
                return None
            femto += tokens * rate
    nano, rest = divmod(femto, FEMTO_PER_NANO)
    half = FEMTO_PER_NANO // 2
    if rest > half or (rest == half and nano % 2):
        nano += 1
    return nano


def rows_of(table: "dict[str, Any]", model: str, variant: str = "") -> "list[Any] | None":
    """The rows of a model as transcripts name it: exact, without `[1m]`, or without its date; else None."""
    suffix = "#" + variant if variant else ""
    name = model[:-4] if model.endswith("[1m]") else model
    rows = table.get(name + suffix)
    if rows is None and name[-9:-8] == "-" and name[-8:].isdigit():
        rows = table.get(name[:-9] + suffix)
    return rows
