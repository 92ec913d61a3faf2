"""The page: what the endpoint answers, drawn by Streamlit anew whenever its version has grown."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from gaia_budget.argus_page import figures
from gaia_budget.dashboard.answers import QUESTIONS
from gaia_budget.dashboard.fresh import Fresh
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.ledger import Ledger
from gaia_budget.reports import shown
from gaia_budget.settings import load
from gaia_hooks.facts.prices.money import NANO

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from gaia_budget.argus_page.figures import Document, Look

_ANSWERS = {one.name: one.answer for one in QUESTIONS}
LOOK_SECONDS = 0.3
"""How often an open page asks whether there is something new."""
PERIODS = {"month": "This month", "7 days": "Last 7 days", "today": "Today"}
SOURCES = {"": "Apps and Claude Code", "app": "Apps", "claude_code": "Claude Code"}
BILLINGS = {
    "": "However it is paid",
    "api": "Billed by API",
    "plan": "On a plan, not billed",
    "unknown": "Not known",
}
ACROSS, MOST_GAUGES = 3, 12
MOST_ALERTS = 3
LOCAL = ("localhost", "127.0.0.1", "::1")
SIGNS = {"warning": "▲ warning", "critical": "■ critical"}


@st.cache_resource(show_spinner=False)
def source() -> Fresh:
    """The ledger, kept fresh while the page is open anywhere. Raises ConfigError, LedgerError."""
    settings = load()
    found = Fresh(Ledger.open(settings=settings), settings)
    found.start()
    return found


def ask(name: str, **given: str) -> Document:
    """The document of `/api/v1/NAME`, within this process. Raises InputError, NotFoundError, LedgerError."""
    kept = source()
    return _ANSWERS[name](kept.ledger, kept.settings, {key: value for key, value in given.items() if value})


def draw() -> None:
    """Draw the page as it is now, and again when something new comes."""
    st.set_page_config(page_title="Token budget", layout="wide")
    _warn_of_the_network()
    try:
        version = source().version
        _whole()
    except GaiaBudgetError as error:
        st.error(plain(str(error)))
        return
    _again_when_new(version)


@st.fragment(run_every=LOOK_SECONDS)
def _again_when_new(version: int) -> None:
    if source().version != version:
        st.rerun()


def _whole() -> None:
    overview = ask("overview")
    if not any(period["tokens"] or Decimal(period["spent_usd"]) for period in overview["periods"]):
        _nothing_yet()
        return
    style = figures.look([row["model"] for row in ask("models")["rows"]], dark=_is_dark())
    forecast = ask("forecast")
    _now(overview, forecast, on_a_plan=source().settings.billing == "plan")
    _attention(overview["attention"])
    _caps(overview, forecast["modules"], style)
    _spent(overview, style)
    st.caption(
        "Apps: one line per call in their logs, and they count against the caps. Claude Code: its own transcripts, "
        "each response once, at API prices; on a plan nobody bills them. Month’s end: estimated by weekday from 60 "
        "days, its range is meant to hold four times out of five. The same figures: `gaia-budget`, "
        "`gaia-budget dashboard`."
    )


def _now(overview: Document, forecast: Document, *, on_a_plan: bool) -> None:
    periods, total = overview["periods"], overview["total"]
    month = f"{datetime.fromisoformat(overview['at']):%B}"
    capped = Decimal(total["limit_usd"]) > 0
    against = (
        f"{usd(total['spent_usd'])} of {usd(total['limit_usd'])} against your caps, and " if capped else ""
    )
    code, whole = periods[-1]["claude_code_usd"], periods[-1]["spent_usd"]
    st.subheader(
        plain(f"{month} so far: {against}{usd(code)} of Claude Code at API prices; {usd(whole)} together.")
    )
    billed = "at API prices; you are on a plan, so nobody bills this" if on_a_plan else "at API prices"
    for kind, words, key in (
        ("Apps" if overview["apps_alone"] else "Counts", "against the caps", "counted_usd"),
        ("Claude Code", billed, "claude_code_usd"),
    ):
        first, *others = st.columns([2, 1, 1, 1])
        first.markdown(f"**{kind}**  \n{words}")
        for place, period in zip(others, periods, strict=True):
            place.metric(period["name"].capitalize(), plain(usd(period[key])))
    if total["projected_usd"] is not None:
        low, high = usd(total["low_usd"]), usd(total["high_usd"])
        st.markdown(plain(f"Month’s end: about {usd(total['projected_usd'])}, between {low} and {high}."))
    for name, window in forecast["plan"].items():
        if window is not None:
            length = "5 hours" if name == "five_hour" else "7 days"
            st.markdown(plain(f"Plan, {length}: {window['percent']:g} % used."))


def _attention(alerts: list[Document]) -> None:
    if not alerts:
        st.success("Nothing needs you.")
        return
    for one in alerts[:MOST_ALERTS]:
        tell = st.error if one["severity"] == "critical" else st.warning
        tell(f"{SIGNS[one['severity']]}: {plain(one['cause'])}  \nNext: {plain(one['next_step'])}")
    _table(
        f"{len(alerts)} alerts",
        [
            {
                "Severity": one["severity"],
                "Module": shown.name(one["module"] or "all"),
                "Cause": one["cause"],
                "Next": one["next_step"],
            }
            for one in alerts
        ],
    )


def _caps(overview: Document, modules: list[Document], style: Look) -> None:
    capped = {one["module"] for one in overview["projects"] if one["month"]}
    mine = [one for one in modules if one["module"] in capped]
    if not mine:
        return
    st.subheader("Each module against its cap")
    for start in range(0, min(len(mine), MOST_GAUGES), ACROSS):
        for place, one in zip(st.columns(ACROSS), mine[start : start + ACROSS], strict=False):
            end = "" if one["projected_usd"] is None else f"; month’s end about {usd(one['projected_usd'])}"
            with place:
                _chart(figures.gauge(one, style), f"gauge-{one['module']}")
                st.caption(
                    plain(
                        f"{shown.name(one['module'])}: {usd(one['spent_usd'])} of {usd(one['cap_usd'])}{end}"
                    )
                )
    _chart(figures.projection(mine[:MOST_GAUGES], style), "projection")
    _table(
        "Caps and where the month ends",
        [
            {
                "Module": shown.name(one["module"]),
                "Spent": usd(one["spent_usd"]),
                "Cap": usd(one["cap_usd"]),
                "Month’s end": usd(one["projected_usd"]),
                "Between": f"{usd(one['low_usd'])} – {usd(one['high_usd'])}",
                "Cap reached": one["exhausted_on"] or shown.NONE,
            }
            for one in mine
        ],
    )


def _spent(overview: Document, style: Look) -> None:
    st.subheader("What was spent")
    first, second, third, fourth = st.columns(4)
    period = first.selectbox("Period", list(PERIODS), format_func=PERIODS.__getitem__)
    origin = second.selectbox("Source", list(SOURCES), format_func=SOURCES.__getitem__)
    billing = third.selectbox("Billing", list(BILLINGS), format_func=BILLINGS.__getitem__)
    known = [row["key"] for row in ask("projects")["rows"]]
    module = fourth.selectbox("Module", ["", *known], format_func=lambda one: shown.name(one) or "All")
    since = next(one["since"] for one in overview["periods"] if one["name"] == period)
    given = {"since": since, "source": origin, "billing": billing, "module": module}
    days = ask("spend", by="day,model", **given)
    threshold = ask("daily", **given)["threshold_usd"]
    st.metric("In this selection", plain(usd(days["total"]["cost_usd"])))
    _chart(figures.over_time(days["rows"], threshold, style), "trend")
    models = ask("spend", by="model", **given)["rows"]
    left, right = st.columns(2)
    with left:
        _chart(figures.pie(models, style), "models")
    with right:
        _money_table("Models", models, "model")
        _money_table("Modules", ask("spend", by="module", **given)["rows"], "module")
    _money_table("Which tasks use which models", ask("spend", by="module,task,model", **given)["rows"],
                 "module", "task", "model")  # fmt: skip


def _money_table(title: str, rows: list[Document], *axes: str) -> None:
    costs, _ = shown.cents([nano(row["cost_usd"]) for row in rows])
    names = [{axis.capitalize(): shown.name(row[axis]) or shown.NONE for axis in axes} for row in rows]
    figured = [{"Responses": row["responses"], "All tokens": _all_tokens(row), "Dollars": cost}
               for row, cost in zip(rows, costs, strict=True)]  # fmt: skip
    _table(title, [{**name, **cells} for name, cells in zip(names, figured, strict=True)])


def _all_tokens(row: Document) -> int:
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    return sum(int(row[f"{kind}_tokens"]) for kind in kinds)


def _table(title: str, rows: list[dict[str, Any]]) -> None:
    with st.expander(f"Table: {title}"):
        st.dataframe(rows, hide_index=True, width="stretch")


def _chart(drawn: Figure, key: str) -> None:
    st.plotly_chart(drawn, key=key, theme=None, config={"displaylogo": False, "displayModeBar": False})


def _nothing_yet() -> None:
    st.subheader("Nothing has been counted yet.")
    st.markdown(
        "`gaia-budget init` connects Claude Code; `gaia-budget doctor` says what is wired. This page fills by itself."
    )


def _warn_of_the_network() -> None:
    if st.get_option("server.address") not in LOCAL:
        st.warning(
            "Everybody in this network can read this page: Streamlit listens on every address. "
            "The section “Locked down” of docs/argus-page.md has the lines for its config.toml."
        )


def _is_dark() -> bool:
    return st.context.theme.type == "dark"


def nano(text: str) -> int:
    """A document's dollars as nano-dollars."""
    return int(Decimal(text) * NANO)


def usd(text: str | None) -> str:
    """A document's dollars as every face writes them."""
    return shown.money(None if text is None else nano(text))


def plain(text: str) -> str:
    """A text that may hold names from files, so that Streamlit's Markdown shows it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", shown.name(text, 2000))
