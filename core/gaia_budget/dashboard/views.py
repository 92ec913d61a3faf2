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
from gaia_budget.dashboard.sections import now, sessions, tables, trends
from gaia_budget.owner import load_token_budget
from gaia_budget.reports import shown
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import table
from gaia_budget.reports.overview import overview as ask
from gaia_budget.reports.sessions.filling import filling
from gaia_budget.reports.sessions.receipt import receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaia_budget.dashboard.answers import Given
    from gaia_budget.dashboard.filters import Filters
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings


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


def _sections(ledger: Ledger, settings: Settings, filters: Filters) -> dict[str, Callable[[], Any]]:
    """The parts of the page at `/`, each reckoned when the template comes to it."""
    found = cache(lambda: ask(ledger, settings))
    zone = ledger.zone
    return {
        "now": lambda: now.now(found(), zone, on_a_plan=settings.billing == "plan"),
        "attention": lambda: now.attention(found()),
        "noted": lambda: now.noted(found(), zone),
        "windows": lambda: now.windows(found(), zone),
        "caps": lambda: now.caps(found()),
        "trends": lambda: trends.trends(ledger, settings, found(), filters),
        "models": lambda: trends.models(ledger, filters),
        "tasks": lambda: tables.tasks(ledger, filters),
        "projects": lambda: tables.projects(
            ledger, filters, {one.name: one.trend for one in found().projects}
        ),
        "sessions": lambda: sessions.sessions(ledger, filters),
        "cache": lambda: tables.cache(ledger, filters),
        "changes": lambda: sessions.changes(ledger, filters),
        "unusual": lambda: tables.unusual(ledger),
        "refused": lambda: tables.refused(ledger, filters),
        "split": lambda: tables.split(ledger),
    }


SENT = "\0"
"""Stands in a template where what is above is sent: no name has it, since names are shown without what steers."""


def overview(ledger: Ledger, settings: Settings, given: Given, version: int) -> Iterator[str]:
    """The page at `/`, in parts: its head, what a person wants to know first, the rest.

    Raises InputError, NotFoundError for filters that name nothing, ConfigError, LedgerError: with the first part, but
    for a ledger that goes away in the middle.
    """
    common = _common(ledger, version)
    if not ledger.spend(()).total.events:
        yield templates().get_template("empty.html").render(**common, places=now.looked_in())
        return
    load_token_budget()
    filters = chosen(ledger, given)
    page = _sections(ledger, settings, filters)
    part: list[str] = []
    for piece in (
        templates()
        .get_template("overview.html")
        .generate(**common, filters=filters, page=page, sent=SENT, shown_at_once=now.SHOWN_AT_ONCE)
    ):
        if piece == SENT:
            yield "".join(part)
            part.clear()
        else:
            part.append(piece)
    yield "".join(part)


def session(ledger: Ledger, settings: Settings, given: Given, version: int) -> Iterator[str]:
    """The page of one session. Raises InputError, NotFoundError, LedgerError."""
    found = receipt(ledger, given["session"])
    common = _common(ledger, version)
    models = [one.key for one in table(ledger, "model", Asked()).lines]
    shown_session = sessions.session(found, ledger.zone, models, on_a_plan=settings.billing == "plan")
    filled = sessions.context(found)
    yield templates().get_template("session.html").render(**common, session=shown_session, context=filled)


def context(ledger: Ledger, settings: Settings, given: Given, version: int) -> Iterator[str]:
    """The page of what fills the context, which the page at `/` takes in when it is looked at.

    Raises InputError, NotFoundError, ConfigError, LedgerError.
    """
    filters = chosen(ledger, given)
    found = filling(ledger, filters.of_this_machine)
    yield (
        templates()
        .get_template("context.html")
        .render(
            **_common(ledger, version),
            filters=filters,
            context=sessions.tools(found.lines),
            total=found.total,
        )
    )


def problem(text: str) -> str:
    """A page that says what is wrong and how to mend it."""
    return templates().get_template("problem.html").render(text=shown.name(text, 2000), version=0, at="")


def broken_off(text: str) -> str:
    """What stands where the rest of a page could not be made."""
    return templates().get_template("broken_off.html").render(text=shown.name(text, 2000))


def _common(ledger: Ledger, version: int) -> dict[str, Any]:
    return {"version": version, "at": _at(ledger)}


def _at(ledger: Ledger) -> str:
    local = ledger.zone.local(ledger.now())
    return f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M %Z}"


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
    style = (resources.files("gaia_budget.dashboard") / "static" / "style.css").read_text("utf-8")
    return (
        templates()
        .get_template(f"report.{form}")
        .render(
            style=Markup(style),  # our own file  # noqa: S704
            name=name,
            project=shown.name(filters.project),
            at=_at(ledger),
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
