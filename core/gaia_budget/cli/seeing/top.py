"""`gaia-budget top`: live in the terminal: the sessions at work with their agents, plan windows, newest responses."""

from __future__ import annotations

import sys
import time
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer
    from rich.text import Text

    from gaia_budget.cli.seeing.paper import Paper
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.overview import Overview
    from gaia_budget.reports.sessions.running import Running
    from gaia_budget.settings import Settings

KEY_SECONDS = 0.25
MOST_RESPONSES = 100
"""Of a session that was opened: as many as a tall window shows."""
AGE_SECONDS = 5.0
"""Without anything new it is drawn anew this often, so that ages are true."""
SESSIONS, PROJECTS, APPS, KEYS = "sessions", "projects", "apps", "keys"
ORDERS = {
    SESSIONS: ("newest", "dearest", "fastest"),
    PROJECTS: ("dearest", "nearest cap", "by name"),
    APPS: ("dearest", "busiest", "by name"),
}
LISTS = {"p": PROJECTS, "a": APPS, "?": KEYS}


class View(NamedTuple):
    """What the reader has chosen: a list, a row of it, its order; and the row that was opened, by its name."""

    chosen: int = 0
    order: str = ORDERS[SESSIONS][0]
    at: str = SESSIONS
    opened: str = ""


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
                    drawn_now = screen(figures, view, ledger, paper)
                    lines = fitted(drawn_now, console.size.height - 1)
                    live.update(Group(*(paper.fitting(line) for line in lines)), refresh=True)
                    key = pressed(KEY_SECONDS)
                    while not key and fresh.version == version and time.monotonic() - drawn <= AGE_SECONDS:
                        key = pressed(KEY_SECONDS)
                    if key in ("q", "\x03"):
                        return
                    view = turned(view, key, rows(figures, view, ledger))
        except KeyboardInterrupt:
            return
        finally:
            fresh.stop()


def _ask(ledger: Ledger, settings: Settings) -> tuple[Overview, list[Running]]:
    from gaia_budget.reports.overview import overview
    from gaia_budget.reports.sessions.running import running

    return overview(ledger, settings), running(ledger)


def fitted(lines: list[Text], height: int) -> list[Text]:
    """As many lines as the window has; the last one, which has the keys, stays."""
    return lines if len(lines) <= height else [*lines[: height - 1], lines[-1]]


def rows(figures: tuple[Overview, list[Running]], view: View, ledger: Ledger) -> list[str]:
    """The names of the rows that can be chosen from: ids of sessions, or projects."""
    from gaia_budget.cli.seeing import drilled

    found, sessions = figures
    if view.at == SESSIONS:
        return [one.receipt.line.spend.session_id for one in _ordered(sessions, view.order)]
    if view.at == PROJECTS:
        return [one.name for one in drilled.projects_in(found, view.order)]
    return [one.key for one in drilled.apps_in(ledger, view.order)] if view.at == APPS else []


def turned(view: View, key: str, names: Sequence[str]) -> View:
    """The view after a key; `names` are the rows that can be chosen from."""
    if view.opened and key in ("down", "j", "up", "k", "s", "enter"):
        return view  # what was opened has no rows to choose from
    if key in ("down", "j"):
        return view._replace(chosen=min(view.chosen + 1, max(0, len(names) - 1)))
    if key in ("up", "k"):
        return view._replace(chosen=max(view.chosen - 1, 0))
    if key == "s" and view.at in ORDERS:
        orders = ORDERS[view.at]
        return view._replace(chosen=0, order=orders[(orders.index(view.order) + 1) % len(orders)])
    if key in LISTS:
        at = SESSIONS if view.at == LISTS[key] else LISTS[key]  # the same key again leads back
        return View(at=at, order=ORDERS.get(at, ("",))[0])
    if key == "enter" and names:
        return view._replace(opened=names[min(view.chosen, len(names) - 1)])
    if key == "back":
        return view._replace(opened="") if view.opened else View()
    return view


def screen(figures: tuple[Overview, list[Running]], view: View, ledger: Ledger, paper: Paper) -> list[Text]:
    """Everything that is drawn, for one size of window."""
    from rich.text import Text

    from gaia_budget.cli.seeing import drilled

    found, sessions = figures
    local = ledger.zone.local(ledger.now())
    head = Text("gaia-budget top", "bold")
    head.append(f"{local:%H:%M:%S}".rjust(paper.width - len(head.plain)), "dim")
    lines = [head, Text("")]
    if view.at == KEYS:
        lines += drilled.keys(paper)
    elif view.at == PROJECTS:
        lines += (
            drilled.project(ledger, found, view.opened, paper)
            if view.opened
            else drilled.projects(found, view, paper)
        )
    elif view.at == APPS:
        lines += drilled.app(ledger, view.opened, paper) if view.opened else drilled.apps(ledger, view, paper)
    else:
        lines += [
            *_now(found, sessions, ledger.zone, paper),
            Text(""),
            *_sessions(figures, view, ledger, paper),
        ]
    return [*lines, Text(""), Text(_keys(view, paper.width), "dim")]


def _keys(view: View, width: int) -> str:
    """What the keys do, in as many words as there is room for."""
    if view.opened or view.at == KEYS:
        whole, short = "esc back  p projects  a apps  ? keys  q quit", "esc back  ? keys  q quit"
    else:
        whole = f"↑↓ choose  enter open  s order: {view.order}  p projects  a apps  ? keys  q quit"
        short = "enter open  s order  ? keys  q quit"
    return whole if len(whole) <= width else short


def _sessions(
    figures: tuple[Overview, list[Running]], view: View, ledger: Ledger, paper: Paper
) -> list[Text]:
    """The sessions at work and the newest responses of the chosen one; of one that was opened all that is kept."""
    from rich.text import Text

    found, sessions = figures
    ordered = _ordered(sessions, view.order)
    opened = next((one for one in ordered if one.receipt.line.spend.session_id == view.opened), None)
    if opened is not None:
        return [
            *_session(opened, found.at, paper, chosen=False),
            Text(""),
            *_responses(opened, ledger, paper, MOST_RESPONSES),
        ]
    if not ordered:
        return [Text(part) for part in wrap(_last(ledger, found.at), paper.width)]
    lines: list[Text] = []
    for place, one in enumerate(ordered):
        lines += _session(one, found.at, paper, chosen=place == view.chosen and len(ordered) > 1)
    return [*lines, Text(""), *_responses(ordered[min(view.chosen, len(ordered) - 1)], ledger, paper)]


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


def _responses(one: Running, ledger: Ledger, paper: Paper, most: int = 10) -> list[Text]:
    from gaia_budget.cli.seeing.grid import Cells, grid
    from gaia_budget.reports import shown
    from gaia_hooks.facts.prices.money import usd_short

    newest = one.receipt.responses[:most]
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
