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


def is_plain(raw: "dict[str, Any]") -> bool:
    """Whether all of it is as the provider writes it: then nothing in it is `odd` or `unreadable`."""
    for name, value in raw.items():
        kind = type(value)
        if kind is int:
            if name not in FIGURES or not 0 <= value <= bounds.MOST_TOKENS:
                return False
        elif kind is dict:
            if name not in NESTED or not NESTED[name].issuperset(value):
                return False
            for inner in value.values():
                if type(inner) is not int or not 0 <= inner <= bounds.MOST_TOKENS:
                    return False
        elif value not in VALUES.get(name, ()) if kind is str else name != "iterations" and value is not None:
            return False
    return True


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
