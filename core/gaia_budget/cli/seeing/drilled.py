"""What `gaia-budget top` shows beside the sessions: projects and apps, each row opened, and the keys."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from gaia_budget.cli.seeing.grid import Cells, grid, listed
from gaia_budget.reports import shown
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import APP, table

if TYPE_CHECKING:
    from gaia_budget.cli.seeing.paper import Paper
    from gaia_budget.cli.seeing.top import View
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.money.tables import SpendTable
    from gaia_budget.reports.overview import Overview, ProjectSpend

MOST, WIDE = 40, 60
KEYS = (
    ("↑ ↓ or k j", "choose a row"),
    ("enter", "open it: a session's agents and responses, a project's or an app's tasks and models"),
    ("esc", "back"),
    ("s", "another order"),
    ("p", "projects of the month; again: sessions"),
    ("a", "apps of today; again: sessions"),
    ("?", "these keys"),
    ("q", "quit"),
)


def keys(paper: Paper) -> list[Text]:
    """What each key does."""
    wide = max(len(key) for key, _ in KEYS)
    return [
        Text(part)
        for key, says in KEYS
        for part in wrap(f"{key:{wide}}  {says}", paper.width, subsequent_indent=" " * (wide + 2))
    ]


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
    counts, all_counts = shown.cents(
        [one.month.spent_nano if one.month else one.line.apps_nano for one in mine]
    )
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
