"""Decoding transcript rows: only the fields that counting needs, so that message text is skipped, not built."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypedDict

import msgspec

from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.facts.tokens.usage import count
from gaia_hooks.machine import jsonio


# Fields stand in the order in which the client writes them: the decoder looks for each from where it found the last.
class _Message(TypedDict, total=False):
    model: Any
    id: Any
    usage: Any
    pausedResponses: Any


class _Row(TypedDict, total=False):
    isSidechain: Any
    agentId: Any
    message: _Message
    requestId: Any
    requestRef: Any
    type: Any
    uuid: Any
    timestamp: Any
    effort: Any
    entrypoint: Any
    cwd: Any
    sessionId: Any
    gitBranch: Any
    requestSessionId: Any
    forkedFrom: Any
    requestedModel: Any
    isUnmetered: Any
    attributionSkill: Any
    attributionPlugin: Any
    attributionMcpServer: Any
    attributionMcpTool: Any
    attributionAgent: Any
    snapshot: Any


_ROW = msgspec.json.Decoder(_Row)


def decode(line: bytes) -> Any:
    """A row as far as counting reads it; lines the fast decoder refuses are read as the hooks read them.

    Raises ValueError when the line is not JSON.
    """
    try:
        return _ROW.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # invalid UTF-8, raw control characters, fields of foreign types: rare, and not lost
        return jsonio.loads(line.decode("utf-8", "replace"))


class ModelTotal(msgspec.Struct, rename={
        "fresh": "inputTokens", "output": "outputTokens", "reads": "cacheReadInputTokens",
        "writes": "cacheCreationInputTokens", "write_1h": "cacheCreationEphemeral1hInputTokens",
        "searches": "webSearchRequests", "cost_usd": "costUSD"}):  # fmt: skip
    """What the client counted for one model; its dollars are by its own price table, whatever that is."""

    fresh: int = 0
    output: int = 0
    reads: int = 0
    writes: int = 0
    write_1h: int = 0
    searches: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def usage(self) -> tuple[int, ...]:
        """In the order of `gaia_hooks.facts.tokens.usage.FIELDS`; writes that are not split are 5-minute ones."""
        one_hour = count(self.write_1h)
        short = max(0, count(self.writes) - one_hour)
        return (
            count(self.fresh),
            count(self.output),
            count(self.reads),
            short,
            one_hour,
            0,
            count(self.searches),
        )


class CostState(msgspec.Struct, rename={"session_id": "sessionId", "total_usd": "totalCostUSD",
                                        "started_ms": "startTime", "models": "modelUsage"}):  # fmt: skip
    """The client's own cumulative total, written when it exits: carried on by resume and by `--fork-session`.

    `started_ms` is when the total began (milliseconds since the epoch): it is carried along with the total,
    so sessions that share it share a part of their totals.
    """

    type: str
    total_usd: Decimal
    started_ms: int
    session_id: str = ""
    models: dict[str, ModelTotal] = {}


_COST_STATE = msgspec.json.Decoder(CostState)


def decode_cost_state(line: bytes) -> CostState | None:
    """A `cost-state` row, or None when the line is another one. Raises ValueError when it cannot be read."""
    if not isinstance(row := decode(line), dict) or row.get("type") != "cost-state":
        return None
    return _COST_STATE.decode(line)


def nano(usd: Decimal) -> int:
    """Nano-dollars of an amount in USD, rounded half to even."""
    return int((usd * NANO).to_integral_value(ROUND_HALF_EVEN))
