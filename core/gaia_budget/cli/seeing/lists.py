"""What `gaia-budget top` lists: sessions at work, the month's projects, the day's apps; and a row of them opened."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from gaia_budget.cli.seeing.grid import Cells, grid, listed
from gaia_budget.cli.seeing.paper import state
from gaia_budget.cli.seeing.windows import plan_windows
from gaia_budget.reports import shown
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import APP, table
from gaia_budget.reports.sessions.running import a_minute
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from gaia_budget.cli.seeing.paper import Paper
    from gaia_budget.cli.seeing.top import View
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.money.tables import SpendTable
    from gaia_budget.reports.overview import Overview, ProjectSpend
    from gaia_budget.reports.sessions.running import Running

MOST_RESPONSES = 100
"""Of a session that was opened: as many as a tall window shows."""
MOST, WIDE = 40, 60


def sessions_at_work(
    figures: tuple[Overview, list[Running]], view: View, ledger: Ledger, paper: Paper
) -> list[Text]:
    """The sessions at work and the newest responses of the chosen one; of one that was opened all that is kept."""
    found, sessions = figures
    ordered = sessions_in(sessions, view.order)
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


def sessions_in(sessions: list[Running], order: str) -> list[Running]:
    """The sessions as the reader wants them: the newest first where nothing else is said."""
    if order == "dearest":
        return sorted(sessions, key=lambda one: -one.receipt.line.spend.cost_nano)
    if order == "fastest":
        return sorted(sessions, key=lambda one: -one.nano_a_minute)
    return sessions


def headline(found: Overview, sessions: list[Running], zone: Zone, paper: Paper) -> list[Text]:
    """What Claude Code spends a minute and today, what counts against the caps, and the plan's windows."""
    today = found.periods[0].line
    rate = a_minute(sessions)
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
    spend, status = one.receipt.line.spend, one.receipt.line.status
    costs, total = shown.cents([agent.figures.cost_nano for agent in one.agents])
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
        Cells(
            "Responses",
            [f"{agent.figures.responses:,}" for agent in one.agents],
            f"{spend.figures.responses:,}",
            4,
        ),
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
    return agent if agent == "main" else f"└ {shown.name(agent, 20)}"


def _responses(one: Running, ledger: Ledger, paper: Paper, most: int = 10) -> list[Text]:
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


def projects_in(found: Overview, order: str) -> list[ProjectSpend]:
    """The month's projects in an order."""
    if order == "by name":
        return sorted(found.projects, key=lambda one: one.name)
    if order == "nearest cap":
        return sorted(found.projects, key=lambda one: -(one.month.percent if one.month else -1))
    return sorted(found.projects, key=lambda one: -one.line.figures.cost_nano)


def projects(found: Overview, view: View, paper: Paper) -> list[Text]:
    """The month's projects against their caps."""
    mine = projects_in(found, view.order)
    if not mine:
        return [Text("Nothing was spent this month.")]
    counts, all_counts = shown.cents([one.month.spent_nano if one.month else 0 for one in mine])
    code, code_total = shown.cents([one.line.claude_code_nano for one in mine])
    columns = [
        Cells("Project", [_name(one.name, paper) or "no project" for one in mine], "Total", left=True),
        Cells("Apps" if found.apps_alone else "Counts", counts, all_counts),
        Cells("of cap", [_of_cap(one) for one in mine], drop=3),
        Cells("%", ["" if one.month is None else shown.percent(one.month.percent) for one in mine], drop=1),
        Cells("Claude Code", code, code_total),
        Cells("Dearest model", [_dearest(one) for one in mine], drop=2, left=True),
    ]  # fmt: skip
    return [
        Text("Projects, this month", "bold"),
        *_chosen(grid(columns, paper).lines, view.chosen, len(mine)),
    ]


def _name(text: str, paper: Paper) -> str:
    return shown.name(text, 24 if paper.width >= WIDE else 14)


def _dearest(one: ProjectSpend) -> str:
    return listed([shown.model(name) for name in one.line.models], 1)


def _of_cap(one: ProjectSpend) -> str:
    return "" if one.month is None else f"of {shown.money(one.month.cap_nano)}"


def project(ledger: Ledger, found: Overview, name: str, paper: Paper) -> list[Text]:
    """One project's month by task and by model."""
    asked = Asked(found.periods[-1].since, None, {"module": name})
    month = next((one.month for one in found.projects if one.name == name), None)
    says = month.says() if month else f"{shown.name(name) or 'no project'}: it has no cap"
    return [
        *(Text(part) for part in wrap(says, paper.width)),
        Text(""),
        Text("This month", "bold"),
        *_by(table(ledger, "task", asked), "Task", paper),
        Text(""),
        *_by(table(ledger, "model", asked), "Model", paper),
    ]


def apps_in(ledger: Ledger, order: str) -> SpendTable:
    """The projects whose apps were called today, in an order."""
    found = table(ledger, "module", Asked("today", None, {"source": APP}))
    if order == "by name":
        return found._replace(lines=sorted(found.lines, key=lambda one: one.key))
    busiest = sorted(found.lines, key=lambda one: -one.figures.responses)
    return found._replace(lines=busiest) if order == "busiest" else found


def apps(ledger: Ledger, view: View, paper: Paper) -> list[Text]:
    """What apps spent today."""
    found = apps_in(ledger, view.order)
    if not found.lines:
        return [Text("No app has called a model today.")]
    return [
        Text("Apps, today", "bold"),
        *_chosen(_by(found, "Project", paper), view.chosen, min(len(found.lines), MOST)),
    ]


def app(ledger: Ledger, name: str, paper: Paper) -> list[Text]:
    """One app's day by task and by model."""
    asked = Asked("today", None, {"module": name, "source": APP})
    return [
        Text(f"{shown.name(name) or 'no project'}, apps, today"),
        Text(""),
        *_by(table(ledger, "task", asked), "Task", paper),
        Text(""),
        *_by(table(ledger, "model", asked), "Model", paper),
    ]


def _by(found: SpendTable, head: str, paper: Paper) -> list[Text]:
    """The first rows; the total is of all."""
    mine, whole = found.lines[:MOST], found.total.figures
    costs, total = shown.cents([one.figures.cost_nano for one in found.lines])
    names = [_name(shown.model(one.key) if head == "Model" else one.key, paper) for one in mine]
    columns = [
        Cells(head, [name or "none" for name in names], "Total", left=True),
        Cells("Responses", [f"{one.figures.responses:,}" for one in mine], f"{whole.responses:,}", 1),
        Cells("Input", [f"{one.figures.input_tokens:,}" for one in mine], f"{whole.input_tokens:,}", 3),
        Cells("Output", [f"{one.figures.output_tokens:,}" for one in mine], f"{whole.output_tokens:,}", 2),
        Cells("Dollars", costs[: len(mine)], total),
    ]
    return grid(columns, paper).lines


def _chosen(lines: list[Text], chosen: int, count: int) -> list[Text]:
    """The lines of a table with its chosen row marked; what is far above it is scrolled away."""
    place = 2 + min(chosen, count - 1)
    lines[place].stylize("reverse")
    gone = max(0, place - 12)
    return [*lines[:2], *lines[2 + gone :]] if gone else lines
