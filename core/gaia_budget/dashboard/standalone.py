"""A month or a week as one HTML file: the page's charts and tables, with its styles inside and no script."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from markupsafe import Markup

from gaia_budget.dashboard.filters import named
from gaia_budget.dashboard.sections import sessions, tables, trends
from gaia_budget.dashboard.views import templates
from gaia_budget.reports import shown
from gaia_budget.reports.money.tables import table

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings


def page(ledger: Ledger, settings: Settings, name: str, since: int, until: int, module: str | None) -> str:
    """The whole file. Raises NotFoundError for a project that is not there, LedgerError."""
    filters = named(ledger, since, min(until, ledger.now() + 1), module or "")
    total = table(ledger, "module", filters.asked).total
    local = ledger.zone.local(ledger.now())
    style = (resources.files("gaia_budget.dashboard") / "static" / "style.css").read_text("utf-8")
    return (
        templates()
        .get_template("report.html")
        .render(
            style=Markup(style),  # our own file  # noqa: S704
            name=name,
            project=shown.name(filters.project),
            at=f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M %Z}",
            apps=shown.money(total.apps_nano),
            code=shown.money(total.claude_code_nano),
            whole=shown.money(total.figures.cost_nano),
            tokens=f"{total.figures.total_tokens:,}",
            billed="at API prices, not billed" if settings.billing == "plan" else "at API prices",
            charts=trends.over_time(ledger, settings, filters),
            models=trends.models(ledger, filters),
            tasks=tables.tasks(ledger, filters),
            projects=tables.projects(ledger, filters, {}),
            sessions=sessions.sessions(ledger, filters),
        )
    )
