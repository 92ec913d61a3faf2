"""The tools: each asks the function of the core that its command asks too, and adds nothing to the figures.

No `from __future__ import annotations` here: the SDK reads the signatures as they run.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Resolve
from mcp_types import CallToolResult, ToolAnnotations

from gaia_mcp import advising, answers, asking, handbook, overriding, place, running, session, spending
from gaia_mcp.answers import result
from gaia_mcp.asking import Approval, SessionType

Axis = Literal["module", "model", "task", "session", "agent", "provider", "day", "week", "month"]
Provider = Literal["anthropic", "openai", "gemini"]
NO_AXIS: Any = ""
NO_PROVIDER: Any = ""
NO_TYPE: Any = ""
SECTION_CHARACTERS = 40_000  # the client passes 45,000 on whole and cuts longer answers down to a preview


def budget_spend(
    by: Axis = NO_AXIS, since: str = "", module: str = ""
) -> Annotated[CallToolResult, answers.SpendAnswer]:
    """Tokens and USD spent: session and month, or by axis since a date or "session"."""
    if not (by or since or module):
        return result(spending.here())
    return result(spending.by_axis(by, since, module))


def budget_recommend(
    task: str, module: str = "", provider: Provider = NO_PROVIDER
) -> Annotated[CallToolResult, answers.RecommendAnswer]:
    """Cheapest viable model for a task, with USD price."""
    return result(advising.advice(task, module, provider))


def budget_sections(path: str = "") -> Annotated[CallToolResult, answers.SectionsAnswer]:
    """List the sections of CLAUDE.md, sizes in tokens."""
    found = handbook.sizes(place.claude_md(path))
    rows = [answers.SectionRow(slug=slug, title=title, tokens=tokens) for slug, title, tokens in found]
    return result(answers.SectionsAnswer(sections=rows))


def budget_load_section(
    name: str, path: str = "", offset: int = 0
) -> Annotated[CallToolResult, answers.SectionAnswer]:
    """Load a section by slug, number or title."""
    from gaia_claude_md.files import loads

    file = place.claude_md(path)
    found = handbook.section(name, file)
    if not offset:
        loads.record(file, found.slug, running.session_id() or "")
    text = found.text
    if not 0 <= offset <= len(text):
        raise ToolError(f"offset must be from 0 to {len(text)}, the section's length in characters")
    end = offset + SECTION_CHARACTERS
    left = len(text) - end
    rest = f"{left:,} more characters: call again with offset={end}" if left > 0 else None
    return result(answers.SectionAnswer(text=text[offset:end], rest=rest))


def budget_session(
    approval: Annotated[ElicitationResult[Approval], Resolve(asking.about_type)], type: SessionType = NO_TYPE
) -> Annotated[CallToolResult, answers.SessionAnswer]:
    """Session type, tokens and limit; sets the type if the user asks."""
    if type:
        asking.require(
            approval, "Nothing was changed. The user can run `gaia-budget session type` in a terminal"
        )
        session.set_type(type)
    return result(session.shown())


def budget_override(
    module: str,
    usd: float,
    reason: str,
    approval: Annotated[ElicitationResult[Approval], Resolve(asking.about_override)],
) -> Annotated[CallToolResult, answers.OverrideAnswer]:
    """Ask the human for USD beyond a module's budget."""
    asking.require(approval, "Nothing was granted. A human can run `gaia-budget override add` in a terminal")
    return result(overriding.granted(module, usd, reason))


Definition = tuple[Callable[..., Any], ToolAnnotations]
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
SETS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
GRANTS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)
ALL: tuple[Definition, ...] = (
    (budget_spend, READS),
    (budget_recommend, READS),
    (budget_sections, READS),
    (budget_load_section, READS),
    (budget_session, SETS),
    (budget_override, GRANTS),
)
