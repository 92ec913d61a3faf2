"""Plotly figures of the endpoint's documents, in the colours of our own page; floats are for drawing alone."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import plotly.graph_objects as go

from gaia_budget.dashboard.charts.bars import PAST_CAP
from gaia_budget.dashboard.charts.curves import LABELLED
from gaia_budget.dashboard.charts.marks import OTHERS, colours
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Document = dict[str, Any]
NO_MODEL = "no model"
MOST_DAYS = 8
"""Days that are named below the trend."""


class Look(NamedTuple):
    """Colours by their names in the page's style sheet, and what colour each model has everywhere."""

    colour: Mapping[str, str]
    models: Mapping[str, str]

    def of(self, model: str) -> str:
        """A model's colour."""
        return self.colour[self.models.get(model, OTHERS)]


def look(models: Sequence[str], *, dark: bool) -> Look:
    """The look, for all models that were ever used, the dearest first."""
    return Look(_palette()[1 if dark else 0], colours(models))


@cache
def _palette() -> tuple[dict[str, str], dict[str, str]]:
    """Light and dark, as the style sheet of our own page has them."""
    text = (resources.files("gaia_budget.dashboard") / "static" / "style.css").read_text("utf-8")
    light, _, rest = text.partition("prefers-color-scheme: dark")
    first, second = (
        dict(re.findall(r"--(\w+): (#\w+);", part)) for part in (light, rest.partition("\n}\n")[0])
    )
    return first, first | second


def name(text: str, otherwise: str = "") -> str:
    """A name as Plotly may draw it: it reads some markup."""
    return escape(shown.name(text) or otherwise)


def gauge(one: Document, style: Look) -> go.Figure:
    """A module's month against its cap, with the month's end and its range; `one` is of `forecast`'s modules."""
    cap = float(one["cap_usd"])

    def percent(key: str) -> float | None:
        return None if one[key] is None or cap <= 0 else min(float(PAST_CAP), 100 * float(one[key]) / cap)

    spent, end = percent("spent_usd") or 0.0, percent("projected_usd")
    low, high = percent("low_usd"), percent("high_usd")
    between = [] if low is None or high is None else [{"range": [low, high], "color": style.colour["range"]}]
    dial = {
        "axis": {"range": [0, PAST_CAP], "tickvals": [0, 80, 100]},
        "bar": {"color": style.colour["accent"], "thickness": 0.5},
        "bgcolor": style.colour["track"],
        "borderwidth": 0,
        "steps": between,
        "threshold": {
            "value": spent if end is None else end,
            "line": {"color": style.colour["ink"], "width": 3},
        },
    }
    number = {"valueformat": ".0f", "suffix": " %", "font": {"size": 26}}
    title = {"text": name(one["module"]), "font": {"size": 15}}
    drawn = go.Indicator(mode="gauge+number", value=int(spent), number=number, title=title, gauge=dial)
    return _dressed(go.Figure(drawn), style, 190)


class Slice(NamedTuple):
    """A model, or all those together that share the last colour, with its rows."""

    name: str
    colour: str
    rows: list[Document]

    @property
    def dollars(self) -> float:
        """What it cost."""
        return float(sum(Decimal(row["cost_usd"]) for row in self.rows))


def parts(rows: Sequence[Document], style: Look) -> list[Slice]:
    """Rows with a `model` by what the charts tell apart, in the order of the colours."""
    found: dict[str, list[Document]] = {}
    for row in rows:
        found.setdefault(row["model"], []).append(row)
    used = [model for model in style.models if model in found]
    others = [model for model in used if style.models[model] == OTHERS]
    kept = used if len(others) < 2 else [model for model in used if model not in others]
    told = [Slice(escape(shown.model(model)) or NO_MODEL, style.of(model), found[model]) for model in kept]
    if len(others) > 1:
        rest = [row for model in others for row in found[model]]
        told.append(Slice(f"{len(others)} others", style.colour[OTHERS], rest))
    return told


def over_time(rows: Sequence[Document], threshold: str | None, style: Look) -> go.Figure:
    """Dollars a day, by model; `rows` are of `spend?by=day,model`."""
    drawn = go.Figure()
    for part in parts(rows, style):
        spent: dict[str, Decimal] = {}
        for row in part.rows:
            spent[row["day"]] = spent.get(row["day"], Decimal(0)) + Decimal(row["cost_usd"])
        drawn.add_bar(
            x=list(spent),
            y=[float(amount) for amount in spent.values()],
            name=part.name,
            marker_color=part.colour,
            hovertemplate="%{x}: $%{y:,.2f}<extra>%{fullData.name}</extra>",
        )
    if threshold is not None:
        drawn.add_hline(
            y=float(threshold),
            line={"color": style.colour["crit"], "dash": "dash", "width": 1.5},
            annotation_text=f"threshold ${float(threshold):,.2f} a day",
        )
    days = sorted({str(row["day"]) for row in rows})
    named = days[:: -(-len(days) // MOST_DAYS)] if days else []
    drawn.update_layout(barmode="stack", bargap=0.25, legend={"orientation": "h", "y": -0.2})
    drawn.update_yaxes(tickprefix="$", gridcolor=style.colour["rule"], rangemode="tozero", automargin=True)
    drawn.update_xaxes(
        type="category", categoryorder="category ascending", tickangle=0, tickvals=named,
        ticktext=[_day(day) for day in named],
    )  # fmt: skip
    return _dressed(drawn, style, 320)


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {day:%b}"


def pie(rows: Sequence[Document], style: Look) -> go.Figure:
    """Each model's share of the dollars; `rows` are of `spend?by=model`."""
    told = [part for part in parts(rows, style) if part.dollars > 0]
    whole = sum(part.dollars for part in told)
    shares = [part.dollars / whole for part in told]
    drawn = go.Figure(
        go.Pie(
            labels=[part.name for part in told],
            values=[part.dollars for part in told],
            marker={"colors": [part.colour for part in told]},
            hole=0.62,
            sort=False,
            direction="clockwise",
            text=[f"{int(share * 100)} %" if share >= LABELLED else "" for share in shares],
            textinfo="text",
            textposition="outside",
            hovertemplate="%{label}: $%{value:,.2f}, %{percent}<extra></extra>",
        )
    )
    drawn.update_layout(legend={"orientation": "v", "x": 1.02, "y": 0.5})
    return _dressed(drawn, style, 300)


def projection(modules: Sequence[Document], style: Look) -> go.Figure:
    """Where each module's month ends, with its range, and its cap; `modules` are those of `forecast`."""
    known = [one for one in modules if one["projected_usd"] is not None][::-1]
    names = [name(one["module"]) for one in known]
    ends = [float(one["projected_usd"]) for one in known]
    drawn = go.Figure()
    drawn.add_bar(
        y=names, x=[float(one["spent_usd"]) for one in known], orientation="h", name="spent",
        marker_color=style.colour["accent"], hovertemplate="%{y}: $%{x:,.2f} spent<extra></extra>",
    )  # fmt: skip
    drawn.add_scatter(
        y=names, x=ends, mode="markers", name="month’s end, with its range",
        marker={"color": style.colour["ink"], "symbol": "line-ns-open", "size": 16},
        error_x={
            "array": [float(one["high_usd"]) - end for one, end in zip(known, ends, strict=True)],
            "arrayminus": [end - float(one["low_usd"]) for one, end in zip(known, ends, strict=True)],
            "color": style.colour["ink2"],
        },
        hovertemplate="%{y}: about $%{x:,.2f} at the month’s end<extra></extra>",
    )  # fmt: skip
    drawn.add_scatter(
        y=names, x=[float(one["cap_usd"]) for one in known], mode="markers",
        name="cap", marker={"color": style.colour["crit"], "symbol": "diamond", "size": 9},
        hovertemplate="%{y}: cap $%{x:,.2f}<extra></extra>",
    )  # fmt: skip
    drawn.update_layout(legend={"orientation": "h", "y": -0.2}, bargap=0.4)
    drawn.update_yaxes(automargin=True, ticksuffix="  ")
    drawn.update_xaxes(tickprefix="$", gridcolor=style.colour["rule"], rangemode="tozero")
    return _dressed(drawn, style, 90 + 34 * len(known))


def _dressed(drawn: go.Figure, style: Look, height: int) -> go.Figure:
    drawn.update_layout(
        height=max(180, height),
        margin={"l": 24, "r": 24, "t": 36, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": style.colour["ink"], "size": 13},
    )
    return drawn
