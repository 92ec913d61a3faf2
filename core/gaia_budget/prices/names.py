"""Which row of the price table a model name means: `gaia_hooks.facts.prices.model_names`, and family names (`opus`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.prices import families
from gaia_hooks.facts.prices import model_names
from gaia_hooks.facts.prices.model_names import (
    BRACKETS,
    OUR_NAMES,
    PATHS,
    SPEAKS_FOR_ALL,
    THEIR_NAMES,
    matches,
)

if TYPE_CHECKING:
    from gaia_budget.prices.catalogue import Catalogue

__all__ = ["OUR_NAMES", "THEIR_NAMES", "Name", "family", "find", "matches", "normalise"]

KINDS = frozenset({"pro", "flash", "lite", "mini", "nano", "embedding", "image", "audio", "tts", "codex"})


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
    owner = None if named in ("", SPEAKS_FOR_ALL) else model_names.provider_of(catalogue.providers, named)
    if named in ("", SPEAKS_FOR_ALL) or (owner and owner["id"] == "anthropic"):
        name = families.model_of(name) or name
    found = model_names.find(catalogue.providers, name, named)
    return Name(*found) if found else None


def family(model: str) -> str:
    """The family that a name shows (`gpt`, `claude-opus`, `gemini-flash`, `o`): models of one kind of price."""
    plain = PATHS.sub("", model.strip().lower()).rpartition("/")[2]
    known = families.family_of(plain)
    if known:
        return f"claude-{known}"
    words = re.findall(r"[a-z]+", plain)
    kinds = [word for word in words[1:] if word in KINDS]
    return "-".join([*words[:1], *kinds])
