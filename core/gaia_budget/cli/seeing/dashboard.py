"""`gaia-budget dashboard`: the page, the endpoint and the metrics on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[
    str, typer.Option(help="Where to listen; from elsewhere than this machine a token is asked for.")
]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Default: the first free one from 8765 on; never 8501-8504."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dashboard")(dashboard)


def dashboard(host: Host = "127.0.0.1", port: Port = None) -> None:
    """The page with everything, live in a browser; its figures as JSON under /api/v1, for Prometheus under /metrics."""
    from gaia_budget.dashboard.serving import serve
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    settings = load()
    with Ledger.open(settings=settings, lean=True) as ledger:
        serve(ledger, settings, host, port)
