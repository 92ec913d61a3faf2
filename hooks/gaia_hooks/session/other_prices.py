"""Prices of models that the snapshot does not hold: other makers behind a gateway, a cloud's names of Claude's models.

Loaded only when such a model is seen: the whole price list is read once then, and what was found is kept in the
session's state until the next snapshot.
"""

from gaia_hooks.facts.prices import model_names, pricing
from gaia_hooks.machine import files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_NAME = 300  # a name is matched against patterns


def rows_of(home: str, policy: "dict[str, Any]", model: str, variant: str) -> "list[Any]":
    """The rows of a model by any of its names, those of the snapshot first; empty where it is unknown."""
    if len(model) > LONGEST_NAME:
        return []
    try:
        listed = jsonio.loads(files.read(files.join(home, "cache", "prices.json")))
        found = model_names.find(listed["providers"], model)
        if found is None:
            return pricing.rows_of(policy["prices"], model.lower(), variant) or []  # a contract's name for it
        key = found[0]
        rows = pricing.rows_of(policy["prices"], key, variant)
        return rows or pricing.scaled(
            pricing.rows_of(listed["rows"], key, variant) or [], policy["price_times"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return []  # not written yet, or of another version: the next ingest prices it
