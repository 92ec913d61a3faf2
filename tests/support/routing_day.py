"""The day on which the routing tests ask: prices, families and retirements are those of that day."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
