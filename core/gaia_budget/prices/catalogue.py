"""The flat catalogue of genai-prices, made once per version and kept in `GAIA_BUDGET_HOME/cache/prices.json`.

A process that finds the file never imports genai-prices. Where the file cannot be written, the catalogue is
made anew in memory.
"""

from __future__ import annotations

import contextlib
import json
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.errors import ConfigError
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = 2  # of the stored file; to be raised with every change of what `flatten` makes


class Catalogue(NamedTuple):
    """`rows` in the form of `gaia_hooks.facts.prices.pricing`, what finds a model's key, and facts about the models."""

    stamp: str
    rows: Mapping[str, list[Any]]
    providers: list[dict[str, Any]]
    models: Mapping[str, dict[str, Any]]


def load(refresh: Path | None = None) -> Catalogue:
    """The catalogue of the installed genai-prices, or of a newer `data.json` that the user has fetched.

    Raises ConfigError when that file is missing or is none.
    """
    return _load(_stamp(refresh), refresh, places.home() / "cache" / "prices.json")


@cache
def _installed_file() -> Path:
    """The list of the installed genai-prices: where it lies is looked up once."""
    found = find_spec("genai_prices")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("genai_prices")
    return Path(found.submodule_search_locations[0]) / "data.py"


def _stamp(refresh: Path | None) -> str:
    parts = [str(FORM)]
    for file in (_installed_file(), refresh):
        if file is not None:
            try:
                status = file.stat()
            except OSError as error:
                raise ConfigError(
                    file,
                    f"cannot be read: {error.strerror}",
                    cure="Fix or remove the setting prices_file",
                    slug="config-unreadable",
                ) from None
            parts += [str(file), str(status.st_size), str(status.st_mtime_ns)]
    return "|".join(parts)


@lru_cache(maxsize=2)
def _load(stamp: str, refresh: Path | None, stored: Path) -> Catalogue:
    return _read(stored, stamp) or _make(stored, stamp, refresh)


def _read(stored: Path, stamp: str) -> Catalogue | None:
    try:
        content = json.loads(stored.read_bytes())
        if content["stamp"] == stamp:
            return Catalogue(stamp, content["rows"], content["providers"], content["models"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # missing, torn or of another form: it is made anew
    return None


def _make(stored: Path, stamp: str, refresh: Path | None) -> Catalogue:
    made = _built(stamp, refresh)
    with contextlib.suppress(
        OSError, ConfigError
    ):  # a state folder that cannot be written costs time, not answers
        places.ensure_home()
        text = json.dumps({"stamp": stamp, **made}, ensure_ascii=True, separators=(",", ":"))
        files.replace(str(stored), text.encode("ascii"), durable=False)
    return Catalogue(stamp, made["rows"], made["providers"], made["models"])


@lru_cache(maxsize=2)
def _built(stamp: str, refresh: Path | None) -> dict[str, Any]:
    """What `flatten` makes of a price list: once in a process, whichever state folder keeps it."""
    from gaia_budget.prices import flatten

    return flatten.build(_refreshed(refresh) if refresh else _installed())


def _installed() -> list[Any]:
    from genai_prices.data import providers

    return providers


def _refreshed(file: Path) -> list[Any]:
    """The providers of a `data.json` as genai-prices publishes it. Raises ConfigError."""
    from genai_prices import types  # the reader of its own refresh; there is no public one
    from pydantic import ValidationError

    from gaia_budget.configfile import read_text

    try:
        return types._providers_from_raw(json.loads(read_text(file)))
    except (ValidationError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(
            file,
            f"is not a price file of the installed genai-prices: {str(error).splitlines()[0]}",
            cure="Fetch prices/new_data/v2/data.json of genai-prices, or remove the setting prices_file",
            slug="price-file",
        ) from None
