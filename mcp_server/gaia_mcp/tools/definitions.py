"""The tools: each asks the function of the core that its command asks too, and adds nothing to the figures.

No `from __future__ import annotations` here: the SDK reads the signatures as they run.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver.resolve import Resolve
from mcp_types import CallToolResult, ToolAnnotations

from gaia_budget import session_type
from gaia_budget.errors import ConfigError, LedgerError
from gaia_mcp import place, running
from gaia_mcp.sections import resources
from gaia_mcp.tools import answers, asking, spending
from gaia_mcp.tools.answers import result
from gaia_mcp.tools.asking import Approval

if TYPE_CHECKING:
    from gaia_budget.routing.answer import Recommendation
    from gaia_claude_md.files.finding import FilesSeen

Axis = Literal["module", "model", "task", "session", "agent", "provider", "day", "week", "month"]
Provider = Literal["anthropic", "openai", "gemini"]
NO_AXIS: Any = ""
NO_PROVIDER: Any = ""
MOST_ALTERNATIVES = 3
ANSWER_CHARACTERS = (
    40_000  # as sent; the client passes 45,000 on whole and cuts longer answers down to a preview
)


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
    found, notes = _recommended(task, module or None, provider or None)
    said = found.document()
    price = said["price"]
    answer = answers.RecommendAnswer(
        model=said["model"],
        alias=said["alias"],
        tier=said["tier"],
        reason=said["reason"],
        how=said["how"],
        input_usd_per_million=price["input_per_1m"] if price else None,
        output_usd_per_million=price["output_per_1m"] if price else None,
        estimated_cost_usd=said["estimated_cost_usd"],
        alternatives=[one["model"] for one in said["alternatives"]][:MOST_ALTERNATIVES] or None,
        escalate_to=said["escalate_to"],
        levers=[f"{one['lever']}: {one['how']}" for one in said["levers"]] or None,
        warnings=said["warnings"] or None,
        notes=notes or None,
    )
    return result(answer)


def budget_sections(path: str = "") -> Annotated[CallToolResult, answers.SectionsAnswer]:
    """List the sections of CLAUDE.md, sizes in tokens."""
    seen = place.handbooks(path)
    rows = [
        answers.SectionRow(file=_file(file, seen), slug=one.slug, title=one.title, tokens=one.tokens)
        for file, one in resources.sections(seen.files)
    ]
    return result(answers.SectionsAnswer(sections=rows, notes=seen.problems or None))


def budget_load_section(name: str, path: str = "") -> Annotated[CallToolResult, answers.SectionAnswer]:
    """Load a section by slug, number or title."""
    from gaia_claude_md.files import loads
    from gaia_claude_md.markdown.lookup import part_of

    seen = place.handbooks(path)
    whole, _, number = name.rpartition("#")
    part = int(number) if whole and number.isdecimal() and len(number) < 6 else 0
    found = resources.find(whole if part else name, seen.files)
    file = next(file for file in seen.files if place.shown(file) == found.file)
    if part <= 1:
        loads.record(file, found.section.slug, running.session_id() or "")
    text, parts = part_of(found.section.text, part or 1, ANSWER_CHARACTERS)
    rest = None
    if parts > (part or 1):
        following = f"{found.section.slug}#{(part or 1) + 1}"
        rest = f"part {part or 1} of {parts}: load `{following}` for the next"
    return result(answers.SectionAnswer(file=_file(file, seen), text=text, rest=rest))


def budget_session(
    approval: Annotated[ElicitationResult[Approval], Resolve(asking.about_type)], type: str = ""
) -> Annotated[CallToolResult, answers.SessionAnswer]:
    """Session type, tokens and limit; sets the type if the user asks."""
    if type:
        asking.require(
            approval, "Nothing was changed. The user can run `gaia-budget session type` in a terminal"
        )
        session_type.choose(running.required().session_id, type)
    return result(spending.session())


def budget_override(
    module: str,
    usd: float,
    reason: str,
    approval: Annotated[ElicitationResult[Approval], Resolve(asking.about_override)],
) -> Annotated[CallToolResult, answers.OverrideAnswer]:
    """Ask the human for USD beyond a module's budget."""
    asking.require(approval, "Nothing was granted. A human can run `gaia-budget override add` in a terminal")
    return result(asking.granted(module, usd, reason))


def _recommended(task: str, module: str | None, provider: str | None) -> tuple["Recommendation", list[str]]:
    """The recommendation, and what it does without because it cannot be read."""
    from gaia_budget.reports import recommendation
    from gaia_budget.routing import policy

    notes = []
    try:
        policies = policy.load()
    except ConfigError as error:
        policies = policy.built_in()
        notes.append(f"what the module allows is not known: {error}")
    ask = partial(
        recommendation.recommend,
        task,
        module=module,
        provider=provider,
        session_id=running.session_id(),
        policies=policies,
    )
    try:
        return ask(), notes
    except LedgerError as error:
        return ask(with_outcomes=False), [*notes, f"recorded outcomes are not known: {error}"]


def _file(file: Path, seen: "FilesSeen") -> str | None:
    """How a file is named in an answer; not at all where there is but one."""
    return place.shown(file) if len(seen.files) > 1 else None


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
