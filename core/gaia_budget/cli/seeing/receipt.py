"""`gaia-budget receipt SESSION`: one session on one screen, or as Markdown for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import current_ledger
from gaia_budget.cli.output import JsonFlag, emit_json, say
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from gaia_budget.ingest.context import ContextRow
    from gaia_budget.ledger.database.measures import Figures
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.sessions.receipt import Receipt

Session = Annotated[str, typer.Argument(metavar="SESSION", help="Its id; the first letters are enough.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="As Markdown, such as for a pull request.")]
MOST_TOOLS = 8
HEADS = ("Responses", "Tokens that count", "From cache", "Dollars")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("receipt")(receipt)


def receipt(session: Session, markdown: Markdown = False, as_json: JsonFlag = False) -> None:
    """What one session cost, by model, by agent and by tool. Nothing of what was said in it is kept or shown."""
    from gaia_budget import places
    from gaia_budget.ingest.context import ContextQuestion, fills
    from gaia_budget.reports.sessions.beside_client import beside_client
    from gaia_budget.reports.sessions.receipt import receipt as ask
    from gaia_budget.settings import load

    settings = load()
    with current_ledger(settings) as ledger:
        found = ask(ledger, session)
        zone = ledger.zone
    tools = fills(
        places.claude_config_dirs(), [], ContextQuestion(["tool"], session=found.line.spend.session_id)
    )
    beside = beside_client(found.line.spend.session_id)
    billed = "at API prices, not billed" if settings.billing == "plan" else "at API prices"
    facts = [*_facts(found, zone, billed), *beside.facts()]
    if as_json:
        by_tool = [row.document(["tool"]) for row in tools]
        emit_json(found.document() | beside.document() | {"by_tool": by_tool})
    elif markdown:
        _write_markdown(found, tools[:MOST_TOOLS], facts)
    else:
        _draw(found, tools[:MOST_TOOLS], facts)


def _facts(found: Receipt, zone: Zone, billed: str) -> list[tuple[str, str]]:
    spend, status = found.line.spend, found.line.status
    cache = status.cache
    start, end = zone.local(spend.first_ts), zone.local(spend.last_ts)
    length = shown.span(spend.last_ts - spend.first_ts)
    facts = [
        ("When", f"{start:%a} {start.day} {start:%b %Y}, {start:%H:%M} to {end:%H:%M %Z} ({length})"),
        ("Cost", f"{shown.money(spend.cost_nano)} {billed}"),
        (
            "Tokens that count",
            f"{spend.figures.budget_tokens:,}, {shown.percent(status.percent)} of {status.limit_tokens:,} "
            f"({status.type})",
        ),
        (
            "From the cache",
            f"{spend.figures.cache_read_tokens:,} tokens; saved about {shown.money(cache.saved_nano)}",
        ),
    ]
    if spend.unattributed_nano:
        facts.insert(2, ("In no message", f"{shown.money(spend.unattributed_nano)}: compaction, titles"))
    if spend.figures.recached_tokens:
        again = (
            f"{spend.figures.recached_tokens:,} tokens after idling, about {shown.money(cache.again_nano)}"
        )
        facts.append(("Written again", f"{again}; not counted"))
    return facts


def _parts(found: Receipt) -> list[tuple[str, list[tuple[str, Figures]]]]:
    spend = found.line.spend
    return [
        ("Model", [(shown.model(part.key), part.figures) for part in spend.models]),
        ("Agent", [(shown.name(part.name), part.figures) for part in spend.agents]),
    ]


def _cells(parts: list[tuple[str, Figures]], whole: Figures) -> tuple[list[list[str]], list[str]]:
    """Rows of responses, tokens and dollars, and their total."""
    costs, total = shown.cents([one.cost_nano for _, one in parts])
    *rows, last = [
        [f"{one.responses:,}", f"{one.budget_tokens:,}", f"{one.cache_read_tokens:,}", cost]
        for one, cost in zip([*(one for _, one in parts), whole], [*costs, total], strict=True)
    ]
    return rows, last


def _draw(found: Receipt, tools: list[ContextRow], facts: list[tuple[str, str]]) -> None:
    from rich.text import Text

    from gaia_budget.cli.seeing.grid import Cells, grid
    from gaia_budget.cli.seeing.paper import here

    paper = here()
    spend = found.line.spend
    lines = [Text(f"Session {shown.name(spend.session_id)} in {shown.name(spend.module)}", "bold")]
    wide = max(len(name) for name, _ in facts)
    lines += [Text(name.ljust(wide + 2), "dim") + Text(what) for name, what in facts]
    for head, parts in _parts(found):
        rows, total = _cells(parts, spend.figures)
        columns = [Cells(head, [name for name, _ in parts], "Total", left=True)]
        for place, (title, drop) in enumerate(zip(HEADS, (3, 1, 2, 0), strict=True)):
            columns.append(Cells(title, [row[place] for row in rows], total[place], drop))
        lines += [Text(""), *grid(columns, paper).lines]
    if tools:
        columns = [
            Cells("Tool", [shown.name(row.key[0], 40) for row in tools], left=True),
            Cells("Calls", [f"{row.calls:,}" for row in tools]),
            Cells("Tokens in results", [f"{row.result_tokens:,}" for row in tools]),
            Cells("Carried along", [f"{row.carried_tokens:,}" for row in tools], drop=1),
        ]
        lines += [
            Text(""),
            *grid(columns, paper).lines,
            *paper.foot(["Tools are estimates, by the size of their results."]),
        ]
    paper.draw(lines)


def _write_markdown(found: Receipt, tools: list[ContextRow], facts: list[tuple[str, str]]) -> None:
    spend = found.line.spend
    say(f"**Session `{shown.markdown(spend.session_id[:8])}`** in {shown.markdown(spend.module)}\n")
    for name, what in facts:
        say(f"- {name}: {what}")
    for head, parts in _parts(found):
        rows, total = _cells(parts, spend.figures)
        say(f"\n| {head} | {' | '.join(HEADS)} |\n|---|{'---:|' * len(HEADS)}")
        for (name, _), row in zip(parts, rows, strict=True):
            say(f"| {shown.markdown(name)} | {' | '.join(row)} |")
        say(f"| **Total** | {' | '.join(total)} |")
    if tools:
        say("\n| Tool (estimated) | Calls | Tokens in results |\n|---|---:|---:|")
        for tool in tools:
            say(f"| {shown.markdown(tool.key[0])} | {tool.calls:,} | {tool.result_tokens:,} |")
