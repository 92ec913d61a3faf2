"""What the tools answer: pydantic models, sent as one line of JSON and as the same structured content.

An answer leaves out what it has nothing to say about: every key is paid for by the model that reads it.
Money is in USD as an exact decimal string, tokens are integers.
"""

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel


class ToolAnswer(BaseModel):
    """Base of all answers. `notes` says in plain words what is not known, and why; `alerts` what fires."""

    notes: list[str] | None = None
    alerts: list[str] | None = None


class SpendRow(BaseModel):
    """What one key of the asked axis has spent. `unpriced` responses have no known price and are not in the dollars."""

    key: str | None = None
    responses: int
    budget_tokens: int
    cost_usd: str
    unpriced: int | None = None


class SpendAnswer(ToolAnswer):
    """The answer of budget_spend: the session and its month, or the total and the rows of one axis.

    `month_usd` is what counts against `limit_usd` and `override_usd`, which was drawn on top;
    `claude_code_usd` is spend of Claude Code that does not.
    """

    session_tokens: int | None = None
    session_usd: str | None = None
    session_unpriced: int | None = None
    module: str | None = None
    month_usd: str | None = None
    limit_usd: str | None = None
    override_usd: str | None = None
    claude_code_usd: str | None = None
    total: SpendRow | None = None
    rows: list[SpendRow] | None = None
    more_rows: int | None = None


class RecommendAnswer(ToolAnswer):
    """The answer of budget_recommend: the cheapest viable model, why, what it costs, and where to go when it fails.

    Without a known price the three amounts are absent.
    """

    model: str
    alias: str | None = None
    tier: str
    reason: str
    how: str
    input_usd_per_million: str | None = None
    output_usd_per_million: str | None = None
    estimated_cost_usd: str | None = None
    alternatives: list[str] | None = None
    escalate_to: str | None = None
    levers: list[str] | None = None
    warnings: list[str] | None = None


class SectionRow(BaseModel):
    """One section; `tokens` is an estimate, `file` is named where several are seen."""

    file: str | None = None
    slug: str
    title: str
    tokens: int


class SectionsAnswer(ToolAnswer):
    """The answer of budget_sections."""

    sections: list[SectionRow]


class SectionAnswer(ToolAnswer):
    """The answer of budget_load_section: the exact text, or a part of it and how to get the `rest`.

    `file` is named where several are seen.
    """

    file: str | None = None
    text: str
    rest: str | None = None


class SessionAnswer(ToolAnswer):
    """The answer of budget_session: tokens that count against the limit of the session's type."""

    type: str
    chosen_by: str
    budget_tokens: int
    limit_tokens: int
    percent: float


class OverrideAnswer(ToolAnswer):
    """The answer of budget_override: what the human has granted."""

    id: str
    module: str
    usd: str
    expires: str | None = None


def result(answer: ToolAnswer) -> CallToolResult:
    """The tool result: one line of JSON without empty keys, and the same as structured content."""
    return CallToolResult(
        content=[TextContent(text=answer.model_dump_json(exclude_none=True))],
        structured_content=answer.model_dump(mode="json", exclude_none=True),
    )
