"""The keys of Anthropic's `usage` objects: which are known, which figures can be none, what is not understood."""

from gaia_hooks.facts import names
from gaia_hooks.facts.tokens import bounds, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
# Fetching costs nothing but its tokens.
NESTED = {
    "cache_creation": frozenset(("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")),
    "server_tool_use": frozenset(("web_search_requests", "web_fetch_requests")),
    "output_tokens_details": frozenset(("thinking_tokens",)),
}
KNOWN = frozenset((*FIGURES, *NESTED, "service_tier", "inference_geo", "speed", "iterations"))
VALUES = {
    "service_tier": ("standard", "priority", "batch"),
    "inference_geo": ("us", "global", "not_available"),
    "speed": ("standard", "fast"),
}
LONGEST_NAME = 60
_MOST, _INTEGERS = bounds.MOST_TOKENS, {int}
_TIERS, _PLACES, _SPEEDS = VALUES.values()


def plain(raw: "dict[str, Any]") -> "tuple[int, ...] | None":
    """The usage, where all of it is as the provider writes it: then nothing in it is `odd` or `unreadable`; else None.

    What every row goes through: the same figures as `usage.usage_of` and the same verdict as the functions below,
    in a third of their time.
    """
    get = raw.get
    tier, place, speed = get("service_tier"), get("inference_geo"), get("speed")
    split, tools, details = (
        get("cache_creation"),
        get("server_tool_use"),
        get("output_tokens_details"),
    )
    missing = (tier, place, speed, split, tools, details, get("iterations")).count(None)
    if (
        (len(raw) + missing != len(KNOWN) and any(raw[name] for name in raw.keys() - KNOWN))
        or (tier and tier not in _TIERS)
        or (place and place not in _PLACES)
        or (speed and speed not in _SPEEDS)
    ):
        return None
    short = long = searches = fetched = reasoning = 0
    try:
        fresh, output, read, written = (
            raw["input_tokens"],
            raw["output_tokens"],
            raw["cache_read_input_tokens"],
            raw["cache_creation_input_tokens"],
        )
        if split is not None:
            short, long = split["ephemeral_5m_input_tokens"], split["ephemeral_1h_input_tokens"]
        if tools is not None:
            searches, fetched = tools["web_search_requests"], tools["web_fetch_requests"]
        if details is not None:
            reasoning = details["thinking_tokens"]
    except (KeyError, TypeError):
        return None
    if (split and len(split) > 2) or (tools and len(tools) > 2) or (details and len(details) > 1):
        return None
    figures = (fresh, output, read, written, short, long, searches, fetched, reasoning)
    if set(map(type, figures)) != _INTEGERS or min(figures) < 0 or max(figures) > _MOST:
        return None
    return fresh, output, read, written - long if written - long > short else short, long, reasoning, searches


def unreadable(raw: "dict[str, Any]") -> str:
    """The name of the first figure that is neither a count nor missing; empty when all can be read."""
    for name in FIGURES:
        if _no_count(raw.get(name)):
            return name
    for name, keys in NESTED.items():
        inner = raw.get(name)
        if type(inner) is dict:
            for key in sorted(keys.intersection(inner)):
                if _no_count(inner[key]):
                    return name + "." + key
    return ""


def _no_count(value: object) -> bool:
    if type(value) is int:
        return value > bounds.MOST_TOKENS
    if value is None or type(value) is bool:
        return False
    return type(value) is not float or (value != 0 and not usage.count(value))


def odd(raw: "dict[str, Any]") -> "tuple[str, ...]":
    """The names of what is not known and not empty, of known keys' unknown values, and of negative figures."""
    found = []
    if not KNOWN.issuperset(raw):
        found += [shown(key) for key, value in raw.items() if key not in KNOWN and value]
    for name, keys in NESTED.items():
        inner = raw.get(name)
        if type(inner) is dict and not keys.issuperset(inner):
            found += [shown(name + "." + key) for key, value in inner.items() if key not in keys and value]
    for name, values in VALUES.items():
        value = raw.get(name)
        if value and value not in values:
            found.append(shown("%s=%s" % (name, value)))
    for name in FIGURES:
        value = raw.get(name)
        if type(value) is int and value < 0:
            found.append(name)
    return tuple(found)


def shown(text: str) -> str:
    """A name of somebody else's, fit to be shown and stored."""
    return names.shown(text, LONGEST_NAME)
