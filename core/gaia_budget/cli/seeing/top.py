"""`gaia-budget top`: live in the terminal: the sessions at work with their agents, plan windows, newest responses."""

from __future__ import annotations

import sys
import time
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    import typer
    from rich.text import Text

    from gaia_budget.cli.seeing.paper import Paper
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.overview import Overview
    from gaia_budget.reports.sessions.running import Running
    from gaia_budget.settings import Settings

KEY_SECONDS = 0.25
AGE_SECONDS = 5.0
"""Without anything new it is drawn anew this often, so that ages are true."""
ORDERS = ("newest", "dearest", "fastest")


class View(NamedTuple):
    """What the reader has chosen."""

    chosen: int = 0
    order: str = ORDERS[0]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("top")(top)


def top() -> None:
    """Live in the terminal: sessions at work with their agents, spend a minute, plan windows, newest responses."""
    from rich.console import Console, Group
    from rich.live import Live

    from gaia_budget.cli.seeing.keys import keys
    from gaia_budget.cli.seeing.paper import here
    from gaia_budget.dashboard.fresh import Fresh
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise InputError(
            "top needs a terminal; `gaia-budget` prints where everything stands once", slug="needs-a-terminal"
        )
    settings = load()
    with Ledger.open(settings=settings, lean=True) as ledger:
        fresh = Fresh(ledger, settings)
        fresh.start()
        console = Console(highlight=False, markup=False, emoji=False)
        try:
            with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
                view, drawn, version, figures = View(), 0.0, 0, _ask(ledger, settings)
                while True:
                    if fresh.version != version or time.monotonic() - drawn > AGE_SECONDS:
                        version, drawn, figures = fresh.version, time.monotonic(), _ask(ledger, settings)
                    paper = here()
                    lines = screen(figures, view, ledger, paper)[: console.size.height - 1]
                    live.update(Group(*(paper.fitting(line) for line in lines)), refresh=True)
                    key = pressed(KEY_SECONDS)
                    while not key and fresh.version == version and time.monotonic() - drawn <= AGE_SECONDS:
                        key = pressed(KEY_SECONDS)
                    if key in ("q", "\x03"):
                        return
                    view = turned(view, key, len(figures[1]))
        except KeyboardInterrupt:
            return
        finally:
            fresh.stop()


def _ask(ledger: Ledger, settings: Settings) -> tuple[Overview, list[Running]]:
    from gaia_budget.reports.overview import overview
    from gaia_budget.reports.sessions.running import running

    return overview(ledger, settings), running(ledger)


def turned(view: View, key: str, sessions: int) -> View:
    """The view after a key."""
    if key in ("down", "j"):
        return view._replace(chosen=min(view.chosen + 1, max(0, sessions - 1)))
    if key in ("up", "k"):
        return view._replace(chosen=max(view.chosen - 1, 0))
    if key == "s":
        return View(0, ORDERS[(ORDERS.index(view.order) + 1) % len(ORDERS)])
    return view


def screen(figures: tuple[Overview, list[Running]], view: View, ledger: Ledger, paper: Paper) -> list[Text]:
    """Everything that is drawn, for one size of window."""
    from rich.text import Text

    found, sessions = figures
    local = ledger.zone.local(ledger.now())
    head = Text("gaia-budget top", "bold")
    head.append(f"{local:%H:%M:%S}".rjust(paper.width - len(head.plain)), "dim")
    lines = [head, Text(""), *_now(found, sessions, ledger.zone, paper), Text("")]
    ordered = _ordered(sessions, view.order)
    if not ordered:
        lines += [Text(part) for part in wrap(_last(ledger, found.at), paper.width)]
    for place, one in enumerate(ordered):
        lines += _session(one, found.at, paper, chosen=place == view.chosen and len(ordered) > 1)
    if ordered:
        lines += ["", *_responses(ordered[min(view.chosen, len(ordered) - 1)], ledger, paper)]  # type: ignore[list-item]
    keys = Text(f"↑↓ choose  s order: {view.order}  q quit", "dim")
    return [*(Text(line) if isinstance(line, str) else line for line in lines), Text(""), keys]


def _ordered(sessions: list[Running], order: str) -> list[Running]:
    if order == "dearest":
        return sorted(sessions, key=lambda one: -one.receipt.line.spend.cost_nano)
    if order == "fastest":
        return sorted(sessions, key=lambda one: -one.nano_a_minute)
    return sessions


def _now(found: Overview, sessions: list[Running], zone: Zone, paper: Paper) -> list[Text]:
    from rich.text import Text

    from gaia_budget.cli.seeing.windows import plan_windows
    from gaia_budget.reports import shown

    today = found.periods[0].line
    rate = sum(one.nano_a_minute for one in sessions)
    count = f"{len(sessions)} session{'s' if len(sessions) != 1 else ''}"
    spent = shown.money(today.claude_code_nano)
    said = [f"Now     Claude Code: {count} at work · {shown.money(rate)} a minute · today {spent}"]
    if found.total.limit_nano:
        month = f"{shown.money(found.total.spent_nano)} of {shown.money(found.total.limit_nano)}"
        counted = shown.money(found.periods[0].counted_nano)
        said.append(f"{'Apps' if found.apps_alone else 'Counts':7} {counted} today · {month} this month")
    lines = [Text(part) for one in said for part in wrap(one, paper.width, subsequent_indent=" " * 8)]
    return lines + plan_windows(found, zone, paper)


def _session(one: Running, now: int, paper: Paper, *, chosen: bool) -> list[Text]:
    from rich.text import Text

    from gaia_budget.cli.seeing.grid import Cells, grid, listed
    from gaia_budget.cli.seeing.paper import state
    from gaia_budget.reports import shown

    spend, status = one.receipt.line.spend, one.receipt.line.status
    costs, total = shown.cents([agent.figures.cost_nano for agent in one.agents])
    responses = sum(agent.figures.responses for agent in one.agents)
    counted, rate = f"{spend.figures.budget_tokens:,}", shown.money(one.nano_a_minute)
    title = f"{spend.session_id[:8]} {shown.name(spend.module, 20)}"
    columns = [
        Cells(title, [_named(agent.name) for agent in one.agents], "Session", left=True),
        Cells(
            "Model",
            [listed([shown.model(m) for m in agent.models], 1) for agent in one.agents],
            drop=3,
            left=True,
        ),
        Cells("Responses", [f"{agent.figures.responses:,}" for agent in one.agents], f"{responses:,}", 4),
        Cells("Counts", [f"{agent.figures.budget_tokens:,}" for agent in one.agents], counted, 1),
        Cells("a minute", [shown.money(agent.nano_a_minute) for agent in one.agents], rate, 2),
        Cells("Dollars", costs, total),
        Cells("Last", [_ago(now - agent.last_ts) if agent.last_ts else "" for agent in one.agents], drop=5),
    ]
    lines = grid(columns, paper).lines
    if chosen:
        lines[0] = Text("› ") + lines[0][: paper.width - 2]
    sign, style = state(status.percent)
    limit = f"{shown.percent(status.percent)} of {status.limit_tokens:,} tokens that count ({status.type})"
    return [*lines, *(Text(part, style or "dim") for part in wrap(f"{sign} {limit}".strip(), paper.width))]


def _named(agent: str) -> str:
    from gaia_budget.reports import shown

    return agent if agent == "main" else f"└ {shown.name(agent, 20)}"


def _responses(one: Running, ledger: Ledger, paper: Paper) -> list[Text]:
    from gaia_budget.cli.seeing.grid import Cells, grid
    from gaia_budget.reports import shown
    from gaia_hooks.facts.prices.money import usd_short

    newest = one.receipt.responses[:10]
    columns = [
        Cells("Time", [f"{ledger.zone.local(row.ts):%H:%M:%S}" for row in newest], left=True),
        Cells("Agent", [shown.name(row.agent, 20) for row in newest], left=True),
        Cells("Model", [shown.model(row.model) for row in newest], drop=1, left=True),
        Cells("Input", [f"{row.input_tokens:,}" for row in newest], drop=4),
        Cells("Output", [f"{row.output_tokens:,}" for row in newest], drop=3),
        Cells("Written", [f"{row.cache_write_tokens:,}" for row in newest], drop=5),
        Cells("From cache", [f"{row.cache_read_tokens:,}" for row in newest], drop=2),
        Cells(
            "Dollars", ["no price" if row.cost_nano is None else usd_short(row.cost_nano) for row in newest]
        ),
    ]
    return grid(columns, paper).lines


def _last(ledger: Ledger, now: int) -> str:
    from gaia_budget.reports import shown

    name = ledger.latest_session()
    last = ledger.session(name) if name else None
    if last is None:
        return "No session is running, and none has been counted yet."
    ago = _ago(now - last.last_ts)
    spent = shown.money(last.cost_nano)
    return f"No session is running. The last one: {shown.name(last.session_id[:8])}, {ago}, {spent}."


def _ago(micros: int) -> str:
    seconds = max(0, micros // 1_000_000)
    if seconds < 120:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 7200 else f"{seconds // 3600} h ago"
