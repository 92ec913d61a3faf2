"""What our MCP server adds to every session: its instructions, and the names of its tools."""

from __future__ import annotations

SERVER = "gaia-budget"
INSTRUCTIONS = (
    "Token budgets of this session and its project. Call budget_spend for what was spent, budget_recommend before "
    "choosing a model for a task or subagent, budget_load_section for project rules that CLAUDE.md only indexes."
)
TOOLS = (
    "budget_spend", "budget_recommend", "budget_sections", "budget_load_section", "budget_session", "budget_override",
)  # fmt: skip


def added() -> str:
    """The same as one text."""
    return "\n".join([INSTRUCTIONS, *(f"mcp__{SERVER}__{name}" for name in TOOLS)])
