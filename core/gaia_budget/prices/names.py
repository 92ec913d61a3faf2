"""Which row of the price table a model name means, in all the forms that clients, SDKs and clouds write it.

`claude-haiku-4-5-20251001`, `claude-opus-5-5[1m]`, `models/gemini-3.8-flash`, `anthropic/claude-opus-5-5`,
`us.anthropic.claude-opus-4-6-v1:0` (Bedrock), `claude-opus-4-6@20260205` (Vertex), `opus`. A name that only
resembles a known one is unknown: it must never get another model's price.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.prices import families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.prices.catalogue import Catalogue

PATHS = re.compile(r"^(?:.*/)?(?:models|inference-profile|foundation-model)/")
BRACKETS = re.compile(r"\[[^\]]*\]$")
COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|@|$)")
BEDROCK = re.compile(r"^(?:[a-z]{2,6}(?:-[a-z]+)?\.)?anthropic\.claude")
BEDROCK_VERSION = re.compile(r"-v\d+(?::\d+)?(?::\d+k)?$")
KINDS = frozenset({"pro", "flash", "lite", "mini", "nano", "embedding", "image", "audio", "tts", "codex"})
OUR_NAMES = {"google": "gemini"}  # the owner's files and the SDKs speak of Gemini
THEIR_NAMES = {ours: theirs for theirs, ours in OUR_NAMES.items()}
SPEAKS_FOR_ALL = "multi"  # a module with several providers says so in token_budget.json


class Name(NamedTuple):
    """A known model: the key of its rows, its provider as we name it, and its canonical id there."""

    key: str
    provider: str
    model: str


def normalise(model: str, provider: str | None = None) -> Name | None:
    """The known model that a name means, family names as they resolve today; None when it is unknown."""
    from gaia_budget.prices import catalogue

    return find(catalogue.load(), model, provider)


def find(catalogue: Catalogue, model: str, provider: str | None = None) -> Name | None:
    """The known model that a name means in a catalogue; None when it is unknown. See the module."""
    name = BRACKETS.sub("", model.strip().lower())
    named = (provider or "").strip().lower()
    if named in ("", SPEAKS_FOR_ALL):
        return next((found for found in _unaided(catalogue, families.model_of(name) or name) if found), None)
    owner = _provider(catalogue, named)
    if owner is None:
        return None
    if owner["id"] == "anthropic":
        name = families.model_of(name) or name
    return _with_provider(catalogue, owner, name)


def _unaided(catalogue: Catalogue, name: str) -> Iterator[Name | None]:
    """What a name alone says, the surest reading first."""
    plain = PATHS.sub("", name)
    if BEDROCK.match(plain):
        yield _at(catalogue, "aws", plain)
        return
    if "@" in plain and "claude" in plain:
        yield _at(catalogue, "google", plain)
    owner = next((one for one in catalogue.providers if matches(one["owns"], plain)), None)
    if owner and "/" not in plain:
        yield _with_provider(catalogue, owner, plain)
    prefix, slash, rest = name.partition("/")
    if slash:
        yield _at(catalogue, prefix, rest)
    owner = next((one for one in catalogue.providers if matches(one["owns"], name)), None)
    if owner:
        yield _with_provider(catalogue, owner, name)


def _at(catalogue: Catalogue, provider: str, name: str) -> Name | None:
    owner = _provider(catalogue, provider)
    return _with_provider(catalogue, owner, name) if owner else None


def _provider(catalogue: Catalogue, name: str) -> dict[str, Any] | None:
    name = THEIR_NAMES.get(name, name)
    exact = next((one for one in catalogue.providers if one["id"] == name), None)
    return exact or next((one for one in catalogue.providers if matches(one["named"], name)), None)


def _with_provider(catalogue: Catalogue, owner: dict[str, Any], name: str) -> Name | None:
    """The provider's own model of that name, else the one it resells at its maker's price."""
    others = (one for one in catalogue.providers if one["id"] in owner["fallback"])
    for lister in (owner, *others):
        for form in _forms(name):
            for key, model, rule in lister["models"]:
                if matches(rule, form):
                    return Name(key, OUR_NAMES.get(owner["id"], owner["id"]), model)
    return None


def _forms(name: str) -> Iterator[str]:
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


def family(model: str) -> str:
    """The family that a name shows (`gpt`, `claude-opus`, `gemini-flash`, `o`): models of one kind of price."""
    plain = PATHS.sub("", model.strip().lower()).rpartition("/")[2]
    known = families.family_of(plain)
    if known:
        return f"claude-{known}"
    words = re.findall(r"[a-z]+", plain)
    kinds = [word for word in words[1:] if word in KINDS]
    return "-".join([*words[:1], *kinds])


def matches(rule: list[Any] | None, text: str) -> bool:
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
