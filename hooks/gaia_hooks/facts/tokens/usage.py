"""What one usage tells: the kinds of token, what counts against a session budget, and what was sent again.

A usage is a tuple of integers in the order of `FIELDS`. `input_tokens` excludes cache reads and writes,
`output_tokens` includes reasoning. What a whole `usage` object bills is `gaia_hooks.facts.tokens.bill`,
which rows make a response `gaia_hooks.facts.tokens.responses`.
"""

from gaia_hooks.facts.tokens import bounds

TYPE_CHECKING = False
if TYPE_CHECKING:  # the typing module costs milliseconds on the hook path
    from typing import Any

FIELDS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
)
INPUT, OUTPUT, READ, WRITE_5M, WRITE_1H, REASONING, SEARCHES = range(7)
NOTHING = (0, 0, 0, 0, 0, 0, 0)
_MOST = bounds.MOST_TOKENS


def count(value: object) -> int:
    """A token figure; absent, null, negative, absurd or foreign values are 0 and never raise after a paid call."""
    if type(value) is int:
        return value if 0 < value <= _MOST else 0
    if type(value) is float and 0 < value <= _MOST and value == int(value):  # some gateways write 1200.0
        return int(value)
    return 0


def usage_of(raw: "dict[str, Any]") -> "tuple[int, ...]":
    """The usage of a `usage` object (or one of its iterations) in Anthropic's form; unsplit writes are 5-minute ones.

    Only its own figures: what else it bills is in `gaia_hooks.facts.tokens.bill.bill_of`.
    """
    split, details, tools = (
        raw.get("cache_creation"),
        raw.get("output_tokens_details"),
        raw.get("server_tool_use"),
    )
    five_minutes, one_hour = (
        (split.get("ephemeral_5m_input_tokens"), split.get("ephemeral_1h_input_tokens"))
        if type(split) is dict
        else (0, 0)
    )
    told = (
        raw.get("input_tokens"),
        raw.get("output_tokens"),
        raw.get("cache_read_input_tokens"),
        five_minutes,
        one_hour,
        details.get("thinking_tokens") if type(details) is dict else 0,
        tools.get("web_search_requests") if type(tools) is dict else 0,
        raw.get("cache_creation_input_tokens"),
    )
    fresh, output, read, short, long, reasoning, searches, written = map(count, told)
    return fresh, output, read, max(short, written - long), long, reasoning, searches


def merged(a: "tuple[int, ...]", b: "tuple[int, ...]") -> "tuple[int, ...]":
    """The field-wise maximum of two sightings of one response."""
    return tuple(map(max, a, b))


def added(a: "tuple[int, ...]", b: "tuple[int, ...]") -> "tuple[int, ...]":
    """The field-wise sum of two usages, written out: every response goes through it."""
    a0, a1, a2, a3, a4, a5, a6 = a
    b0, b1, b2, b3, b4, b5, b6 = b
    return a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4, a5 + b5, a6 + b6


def total(usages: "tuple[tuple[int, ...], ...]") -> "tuple[int, ...]":
    """The field-wise sum of usages."""
    return tuple(map(sum, zip(*usages))) if usages else NOTHING


def prompt_tokens(usage: "tuple[int, ...]") -> int:
    """Everything the model read: fresh input, cache writes and cache reads."""
    return usage[INPUT] + usage[READ] + usage[WRITE_5M] + usage[WRITE_1H]


def held_tokens(usage: "tuple[int, ...]") -> int:
    """What a request left in the cache: its writes and reads; its whole input where it used no cache."""
    return usage[READ] + usage[WRITE_5M] + usage[WRITE_1H] or usage[INPUT]


def recached_tokens(usage: "tuple[int, ...]", previous_prompt: int, held: int) -> int:
    """What was sent again only because the cache had expired (requirement R24).

    Of the request before it in its thread, `previous_prompt` is the prompt and `held` what it left in the cache: as
    much of that as is not read now was sent again; nothing where the prompt did not grow (compaction, a new thread).
    The two or three uncached tokens that end every prompt were never held.
    """
    if prompt_tokens(usage) <= previous_prompt:
        return 0
    return min(max(held - usage[READ], 0), usage[INPUT] + usage[WRITE_5M] + usage[WRITE_1H])


def budget_tokens(usage: "tuple[int, ...]", recached: int) -> int:
    """What counts against a session budget: input + cache writes + output - re-cached (requirement R24)."""
    return usage[INPUT] + usage[WRITE_5M] + usage[WRITE_1H] + usage[OUTPUT] - recached
