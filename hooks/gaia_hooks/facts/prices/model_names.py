"""Which row of the price list a model name means, in all the forms that clients, SDKs and clouds write it.

`claude-haiku-4-5-20251001`, `claude-opus-5-5[1m]`, `models/gemini-3.8-flash`, `anthropic/claude-opus-5-5`,
`us.anthropic.claude-opus-4-6-v1:0` (Bedrock), `claude-opus-4-6@20260205` (Vertex). A name that only resembles a known
one is unknown: it must never get another model's price. `providers` are those of the price list as the core keeps it
(`gaia_budget.prices.flatten`). A hook imports this module only for a model that its snapshot does not hold.
"""

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Providers = list[dict[str, Any]]
    Name = tuple[str, str, str]  # the key of its rows, its provider as we name it, its canonical id there

PATHS = re.compile(r"^(?:.*/)?(?:models|inference-profile|foundation-model)/")
BRACKETS = re.compile(r"\[[^\]]*\]$")
COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|@|$)")
BEDROCK = re.compile(r"^(?:[a-z]{2,6}(?:-[a-z]+)?\.)?anthropic\.claude")
BEDROCK_VERSION = re.compile(r"-v\d+(?::\d+)?(?::\d+k)?$")
OUR_NAMES = {"google": "gemini"}  # the owner's files and the SDKs speak of Gemini
THEIR_NAMES = {ours: theirs for theirs, ours in OUR_NAMES.items()}
SPEAKS_FOR_ALL = "multi"  # a module with several providers says so in token_budget.json


def find(providers: "Providers", model: str, provider: str = "") -> "Name | None":
    """The known model that a name means; None when it is unknown."""
    name = BRACKETS.sub("", model.strip().lower())
    named = provider.strip().lower()
    if named in ("", SPEAKS_FOR_ALL):
        return next((found for found in _unaided(providers, name) if found), None)
    owner = provider_of(providers, named)
    return _with_provider(providers, owner, name) if owner else None


def _unaided(providers: "Providers", name: str) -> "Iterator[Name | None]":
    """What a name alone says, the surest reading first."""
    plain = PATHS.sub("", name)
    if BEDROCK.match(plain):
        yield _at(providers, "aws", plain)
        return
    if "@" in plain and "claude" in plain:
        yield _at(providers, "google", plain)
    owner = next((one for one in providers if matches(one["owns"], plain)), None)
    if owner and "/" not in plain:
        yield _with_provider(providers, owner, plain)
    prefix, slash, rest = name.partition("/")
    if slash:
        yield _at(providers, prefix, rest)
    owner = next((one for one in providers if matches(one["owns"], name)), None)
    if owner:
        yield _with_provider(providers, owner, name)


def _at(providers: "Providers", provider: str, name: str) -> "Name | None":
    owner = provider_of(providers, provider)
    return _with_provider(providers, owner, name) if owner else None


def provider_of(providers: "Providers", name: str) -> "dict[str, Any] | None":
    """The provider of that name, as we or the price list call it."""
    name = THEIR_NAMES.get(name, name)
    exact = next((one for one in providers if one["id"] == name), None)
    return exact or next((one for one in providers if matches(one["named"], name)), None)


def _with_provider(providers: "Providers", owner: "dict[str, Any]", name: str) -> "Name | None":
    """The provider's own model of that name, else the one it resells at its maker's price."""
    others = (one for one in providers if one["id"] in owner["fallback"])
    for lister in (owner, *others):
        for form in _forms(name):
            for key, model, rule in lister["models"]:
                if matches(rule, form):
                    return key, OUR_NAMES.get(owner["id"], owner["id"]), model
    return None


def _forms(name: str) -> "Iterator[str]":
    """The ways in which the price list may write a name, as given first."""
    yield name
    dashed = COMPACT_DATE.sub(r"-\1-\2-\3", name)
    if dashed != name:
        yield dashed
    plain = PATHS.sub("", name)
    if plain != name:
        yield plain
    if BEDROCK.match(plain):
        unversioned = BEDROCK_VERSION.sub("", plain)
        yield unversioned
        yield COMPACT_DATE.sub("", unversioned)
    if "/" in name:
        yield name.rpartition("/")[2]


def matches(rule: "list[Any] | None", text: str) -> bool:
    """Whether a match rule of the price list (see `gaia_budget.prices.flatten`) holds for a lower-case name."""
    if rule is None:
        return False
    kind, value = rule
    if kind == "or":
        return any(matches(one, text) for one in value)
    if kind == "and":
        return all(matches(one, text) for one in value)
    if kind == "regex":
        return re.search(value, text) is not None
    wanted = value.lower()
    if kind == "equals":
        return bool(text == wanted)
    if kind == "starts_with":
        return text.startswith(wanted)
    if kind == "ends_with":
        return text.endswith(wanted)
    return wanted in text
