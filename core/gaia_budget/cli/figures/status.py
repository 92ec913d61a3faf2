"""`gaia-budget status`: where this session and its module's month stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.output import JsonFlag, columns, emit_json, say

if TYPE_CHECKING:
    from gaia_budget.ingest.context import ContextRow
    from gaia_budget.reports.status import Status

OURS = "gaia-budget"  # in the name of our MCP server, however it was registered
MOST_FILLING = 3
WORTH_SAYING = 10**7  # nano-dollars: a cent between two totals
Session = Annotated[
    str | None, typer.Option(help="The session; default: the running one, else the newest in the ledger.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(session: Session = None, as_json: JsonFlag = False) -> None:
    """One plain line, then the breakdown."""
    from gaia_budget.cli.current import books_now
    from gaia_budget.reports.sessions.beside_client import beside_client
    from gaia_budget.reports.status import status as ask

    with books_now() as books:
        found = ask(books, session)
    tools = _tools(found.session.id) if found.session else []
    beside = beside_client(found.session.id if found.session else "")
    ours = sum(row.result_tokens for row in tools if OURS in row.key[0])
    if as_json:
        document = found.document()
        document["context"]["fills"] = [row.document(["tool"]) for row in tools]
        document["footprint"]["result_tokens"] = ours
        document["session"] = document["session"] and document["session"] | beside.document()
        emit_json(document)
    else:
        _show(found, tools, ours)
        for head, what in beside.facts():
            say(f"{head.lower()}: {what}")


def _tools(session: str) -> list[ContextRow]:
    """What fills the session's context, by tool."""
    from gaia_budget import places
    from gaia_budget.ingest.context import ContextQuestion, fills

    return fills(places.claude_config_dirs(), [], ContextQuestion(["tool"], session=session))


def _show(found: Status, tools: list[ContextRow], ours: int) -> None:
    from gaia_hooks.facts.prices.money import usd_short

    say(found.line())
    for line in (*found.says(), *found.seen.says()):
        say(line)
    most = [f"{row.key[0]} {row.result_tokens:,}" for row in tools[:MOST_FILLING]]
    if most:
        say(
            f"tool results in the context, in estimated tokens: {', '.join(most)} (`spend --by tool` has all)"
        )
    if found.hook_ms is not None:
        say(f"our own part: {found.hook_ms:g} ms per tool call, about {ours:,} tokens of results")
    spent = found.session.spend if found.session else None
    if spent is None:
        return
    lines = [["", "", "tokens that count", "cache reads", "dollars"]]
    for label, parts in (("model", spent.models), ("agent", spent.agents)):
        for part in parts:
            tokens, reads = f"{part.figures.budget_tokens:,}", f"{part.figures.cache_read_tokens:,}"
            lines.append([label, part.name, tokens, reads, usd_short(part.figures.cost_nano)])
    if spent.figures.recached_tokens and found.session:
        tokens, dollars = f"{spent.figures.recached_tokens:,}", usd_short(found.session.cache.again_nano)
        lines.append(["", "written again after a pause, not counted", tokens, "", f"about {dollars}"])
    if spent.unattributed_nano:
        lines.append(["", "in no message: compaction, titles", "", "", usd_short(spent.unattributed_nano)])
    say(columns(lines, left=2))
    if found.session and found.session.beyond_client_nano >= WORTH_SAYING:
        say(
            f"Claude Code's own total was {usd_short(found.session.client_nano)} when it was last shown; "
            "it may be older, and has prices of its own"
        )
