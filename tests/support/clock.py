"""A clock that a test moves."""

from __future__ import annotations

from support.events import ts


class Clock:
    """An instant in UTC microseconds that stands still until it is moved."""

    def __init__(self, at: str) -> None:
        self.ts = ts(at)

    def set(self, at: str) -> None:
        """Move it to an instant such as `2026-11-30T23:59`."""
        self.ts = ts(at)

    def advance(self, seconds: float) -> None:
        """Move it on."""
        self.ts += int(seconds * 1_000_000)
