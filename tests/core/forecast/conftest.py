"""The ledgers of these tests, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from core.ledger.conftest import ledger, make, server, url

__all__ = ["ledger", "make", "server", "url"]
