"""How far each source has been taken in, per machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gaia_budget.ledger.database.connection import Ask, Transaction

MINE = "SELECT source, position, state FROM bookmarks WHERE org = ? AND machine = ? {}"
SET = (
    "INSERT INTO bookmarks (org, machine, source, position, state) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (org, machine, source) DO UPDATE SET position = excluded.position, state = excluded.state"
)
FEW_SOURCES = 100
"""Up to so many are asked for by name: a machine with a long history has thousands."""


class Bookmark(NamedTuple):
    """How far a source has been taken in, and what its reader needs to go on (JSON text)."""

    position: int
    state: str = ""


def fetch(ask: Ask, org: str, machine: str, keys: Collection[str] | None = None) -> dict[str, Bookmark]:
    """The bookmarks of a machine, all of them or at least those of these keys that there are."""
    named = list(keys) if keys is not None and len(keys) <= FEW_SOURCES else []
    if keys is not None and not keys:
        return {}
    sql = MINE.format(f"AND source IN ({', '.join('?' * len(named))})" if named else "")
    return {key: Bookmark(position, state) for key, position, state in ask(sql, (org, machine, *named))}


def move(tx: Transaction, org: str, machine: str, moved: Mapping[str, Bookmark]) -> None:
    """Set bookmarks; sorted: rivals on PostgreSQL lock rows in one order."""
    tx.many(SET, [(org, machine, key, *mark) for key, mark in sorted(moved.items())])


def hashed(source: str) -> str:
    """How a shared database calls a source: paths stay on the machine."""
    import hashlib  # costs more than all of the ledger's own modules

    return hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
