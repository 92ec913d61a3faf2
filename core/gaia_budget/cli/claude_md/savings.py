"""`gaia-budget claude-md savings`: what a split saves, in tokens and in dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.cli.claude_md.files import PathArgument, User, file_of, options
from gaia_budget.cli.human import refuse_a_projects_address
from gaia_budget.cli.output import Exact, JsonFlag, emit_json, say
from gaia_hooks.facts.prices.money import usd, usd_short

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_claude_md.files.loads import Load, Suggestion
    from gaia_claude_md.files.savings import Scenario, Use

Days = Annotated[int, typer.Option(min=1, help="How many past days to look at.")]
PerDay = Annotated[float | None, typer.Option(min=0, help="Sessions per day, instead of the counted ones.")]
Saved = Annotated[int | None, typer.Option(help="Tokens saved per session, instead of the measured figure.")]


def savings(
    path: PathArgument = None,
    user: User = False,
    days: Days = 30,
    sessions_per_day: PerDay = None,
    saved_tokens: Saved = None,
    exact: Exact = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what the split saves per kind of session, and what that adds up to."""
    from gaia_budget.cli.current import books_now
    from gaia_claude_md.files import finding, saved
    from gaia_claude_md.files import savings as measured

    l1 = finding.locate(file_of(path, user))
    with books_now() as books:
        found = saved.of_file(books.ledger, l1, books.registry.roots(), days, _exact() if exact else None)
    rows, use = found.scenarios, found.use
    saved_per_session = found.typical.saved if saved_tokens is None else saved_tokens
    per_day = use.sessions / days if sessions_per_day is None else sessions_per_day
    document = {
        "path": str(l1),
        "scenarios": [_scenario(row) for row in rows],
        "exact": exact,
        "band_percent": 0 if exact else _band_percent(),
        "days": days,
        "sessions": use.sessions,
        "sessions_per_day": round(per_day, 2),
        "requests": use.requests,
        "saved_tokens_per_session": saved_per_session,
        "compounded_tokens_per_day": measured.compounded(saved_per_session, per_day, 1),
        "compounded_tokens": measured.compounded(saved_per_session, per_day, days),
        "cost_usd": _dollars(saved_per_session, use),
        "suggestions": [_suggestion(row) for row in _suggestions(l1, found.found, use)],
    }
    if as_json:
        emit_json(document)
    else:
        say(_text(document, rows), end="")


def _exact() -> Callable[[str], int]:
    """Anthropic's own counts, for the model that estimates are made for."""
    from gaia_budget.prices.estimate import DEFAULT_MODEL, exact_counter

    refuse_a_projects_address()
    return exact_counter(DEFAULT_MODEL)


def _dollars(saved: int, use: Use) -> str | None:
    from gaia_budget.prices import table
    from gaia_claude_md.files.savings import dollars_nano

    nano = dollars_nano(saved, use, table.load()) if use.requests else None
    return None if nano is None else usd(nano)


def _suggestions(l1: Path, found: list[Load], use: Use) -> list[Suggestion]:
    from gaia_claude_md import sections
    from gaia_claude_md.files import loads, operations

    proposal = operations.propose(l1, options())
    return loads.suggestions(found, use.sessions, sections(l1), proposal.pair.plan.decisions)


def _band_percent() -> int:
    """How far the estimate may be off, in percent."""
    from gaia_budget.prices.estimate import estimate_tokens

    sample = estimate_tokens("word " * 10_000)
    return -(-100 * (sample.high - sample.tokens) // sample.tokens)


def _scenario(row: Scenario) -> dict[str, Any]:
    return {
        "name": row.name,
        "before_tokens": row.before,
        "after_tokens": row.after,
        "saved_tokens": row.saved,
        "saved_percent": row.percent,
        "sections": list(row.sections),
    }


def _suggestion(row: Suggestion) -> dict[str, Any]:
    return {"slug": row.slug, "promote": row.promote, "why": row.why}


def _text(document: dict[str, Any], rows: list[Scenario]) -> str:
    how = "Tokens" if document["exact"] else "Estimated tokens"
    band = (
        "counted by Anthropic"
        if document["exact"]
        else f"± {document['band_percent']} %; --exact asks Anthropic"
    )
    lines = [f"{how} of instructions per request ({band}):"]
    lines += [f"  {row.name:32} {row.before:7} -> {row.after:7}  saves {row.percent} %" for row in rows]
    lines.append(
        f"{document['saved_tokens_per_session']} tokens x {document['sessions_per_day']:g} sessions a day x "
        f"{document['days']} days: "
        f"{document['compounded_tokens_per_day']} a day, {document['compounded_tokens']} in all"
    )
    if document["cost_usd"] is None:
        lines.append("In dollars: unknown, as nothing of that time has a known price")
    else:
        lines.append(
            f"In dollars, at what prompt tokens cost in those {document['requests']} requests: {_short(document)}"
        )
    for row in document["suggestions"]:
        verb = "promote" if row["promote"] else "demote"
        lines.append(f"`gaia-budget claude-md split --{verb} {row['slug']}`: {row['why']}")
    return "\n".join(lines) + "\n"


def _short(document: dict[str, Any]) -> str:
    from decimal import Decimal

    return usd_short(int(Decimal(document["cost_usd"]) * 1_000_000_000))
