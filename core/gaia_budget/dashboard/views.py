"""The pages: figures of `gaia_budget.reports`, written as the templates want them. Nothing is reckoned here.

As a file a page is a month or a week, with its styles inside and no script.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gaia_budget.dashboard.filters import chosen, named
from gaia_budget.dashboard.sections import now, one_session, sessions, tables, trends
from gaia_budget.reports import shown
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import table
from gaia_budget.reports.overview import overview as ask
from gaia_budget.reports.sessions.receipt import receipt

if TYPE_CHECKING:
    from gaia_budget.dashboard.answers import Given
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings


@cache
def templates() -> Environment:
    """The templates; everything that is put into one is escaped."""
    found = Environment(
        loader=PackageLoader("gaia_budget.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "name": shown.name,
        "model": shown.model,
        "count": "{:,}".format,
        "cell": shown.markdown,
    }
    return found


def overview(ledger: Ledger, settings: Settings, given: Given, version: int) -> str:
    """The page at `/`. Raises InputError, NotFoundError for filters that name nothing; LedgerError."""
    found = ask(ledger, settings)
    common = _common(ledger, version)
    if not ledger.spend(()).total.events:
        return templates().get_template("empty.html").render(**common, places=now.looked_in())
    filters = chosen(ledger, given)
    return (
        templates()
        .get_template("overview.html")
        .render(
            **common,
            filters=filters,
            now=now.now(found, ledger.zone, on_a_plan=settings.billing == "plan"),
            attention=now.attention(found),
            noted=now.noted(found, ledger.zone),
            windows=now.windows(found, ledger.zone),
            caps=now.caps(found),
            trends=trends.trends(ledger, settings, found, filters),
            models=trends.models(ledger, filters),
            tasks=tables.tasks(ledger, filters),
            projects=tables.projects(ledger, filters, {one.name: one.trend for one in found.projects}),
            sessions=sessions.sessions(ledger, filters),
            cache=tables.cache(ledger, filters),
            changes=sessions.changes(ledger, filters),
            unusual=tables.unusual(ledger),
            refused=tables.refused(ledger, filters),
            split=tables.split(ledger),
        )
    )


def session(ledger: Ledger, settings: Settings, given: Given, version: int) -> str:
    """The page of one session. Raises InputError, NotFoundError, LedgerError."""
    found = receipt(ledger, given["session"])
    common = _common(ledger, version)
    models = [one.key for one in table(ledger, "model", Asked()).lines]
    shown_session = one_session.session(found, ledger.zone, models, on_a_plan=settings.billing == "plan")
    filled = one_session.context(found)
    return templates().get_template("session.html").render(**common, session=shown_session, context=filled)


def problem(text: str) -> str:
    """A page that says what is wrong and how to mend it."""
    return templates().get_template("problem.html").render(text=shown.name(text, 2000), version=0, at="")


def _common(ledger: Ledger, version: int) -> dict[str, Any]:
    local = ledger.zone.local(ledger.now())
    return {"version": version, "at": f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M %Z}"}


def page(
    ledger: Ledger,
    settings: Settings,
    name: str,
    since: int,
    until: int,
    module: str | None,
    form: str = "html",
) -> str:
    """The whole file, as `html` or `md`. Raises NotFoundError for a project that is not there, LedgerError."""
    filters = named(ledger, since, min(until, ledger.now() + 1), module or "")
    total = table(ledger, "module", filters.asked).total
    local = ledger.zone.local(ledger.now())
    style = (resources.files("gaia_budget.dashboard") / "static" / "style.css").read_text("utf-8")
    return (
        templates()
        .get_template(f"report.{form}")
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
