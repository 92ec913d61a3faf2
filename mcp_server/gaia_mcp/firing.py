"""What fires at this moment, from the snapshot that the hooks have, too: nothing is asked of the ledger for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_hooks.facts import places, snapshot

if TYPE_CHECKING:
    from gaia_mcp.running import Running

MOST = 3


def alerts(current: Running | None, module: str) -> list[str] | None:
    """The worst alerts of a module and of all modules, in a few words each; None where nothing fires."""
    policy = snapshot.load(places.home()) if current is None else current.session.policy
    found = [short for _, of, _, short in policy["alerts"] if short and of in ("", module)]
    return found[:MOST] or None
