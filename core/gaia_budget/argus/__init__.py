"""The ecosystem's event files: seven shapes are read, one is written (by `gaia_hooks.session.argus`)."""

from gaia_budget.argus.reading import LogBookmark, LogReading, is_log, read
from gaia_budget.argus.shapes import Call, Origin, Unreadable, call_of, cost_nano, line_id

__all__ = [
    "Call",
    "LogBookmark",
    "LogReading",
    "Origin",
    "Unreadable",
    "call_of",
    "cost_nano",
    "is_log",
    "line_id",
    "read",
]
