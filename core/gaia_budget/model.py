"""The facts everything else is about: one billed response is one `Event`."""

from __future__ import annotations

from typing import Literal

import msgspec

from gaia_hooks.facts.modules import DEFAULT_ORG as DEFAULT_ORG
from gaia_hooks.facts.modules import UNALLOCATED as UNALLOCATED

Source = Literal["app", "claude_code"]
Billing = Literal["api", "plan", "unknown"]
Kind = Literal["response", "unattributed", "cache_hit", "failed"]

REFUSED, DOWNGRADED = "refused", "downgraded"
"""Status of a failed call that was not sent as it was asked for: a limit refused it, or chose a cheaper model."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One fact of spend, wherever it was read from. The same response read twice has the same `event_id`.

    `ts` is the UTC instant in microseconds since the epoch. Token counts are integers; `input_tokens` excludes
    cache reads and writes; `output_tokens` includes `reasoning_tokens`. `recached_tokens` is what was written
    again only because the cache had expired (requirement R24): it is part of the writes and does not count
    against session budgets. `cost_nano` is in nano-dollars; None means that no price is known ("unpriced").

    `part_of` names the response that another model ran this for (an advisor, a declined attempt): a part costs, and
    is no response of its own. What Claude Code tells of how a request came to be: `effort` and `entrypoint`, the
    `skill` or `plugin` at work, and the MCP server and tool whose result it reads.
    """

    event_id: str
    ts: int
    kind: Kind = "response"
    source: Source = "claude_code"
    billing: Billing = "unknown"
    org: str = DEFAULT_ORG
    user: str = ""
    machine: str = ""
    module: str = UNALLOCATED
    provider: str = ""
    model: str = ""
    task: str = ""
    session_id: str = ""
    agent_id: str = ""
    agent_type: str = ""
    branch: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    web_searches: int = 0
    recached_tokens: int = 0
    cost_nano: int | None = None
    price_source: str = "unpriced"
    status: str = ""
    duration_ms: int | None = None
    correlation_id: str = ""
    part_of: str = ""
    effort: str = ""
    entrypoint: str = ""
    skill: str = ""
    plugin: str = ""
    mcp_server: str = ""
    mcp_tool: str = ""
