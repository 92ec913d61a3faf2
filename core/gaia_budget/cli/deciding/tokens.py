"""`gaia-budget tokens FILE`: how many tokens a text is: an estimate, or Anthropic's exact count if asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.output import Exact, JsonFlag, emit_json, say
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_budget.prices.estimate import TokenEstimate

Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="Text files; - is what comes in.")]
Model = Annotated[str | None, typer.Option(help="The model that will read it; the newest Opus, if left out.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tokens")(tokens)


def tokens(files: Files, model: Model = None, exact: Exact = False, as_json: JsonFlag = False) -> None:
    """How many tokens a text is, and what sending it once costs: an estimate with its band, or the exact count."""
    from gaia_budget.prices import table
    from gaia_budget.prices.estimate import DEFAULT_MODEL, estimate_tokens, exact_tokens
    from gaia_hooks.facts.prices.money import usd

    if exact:
        human.refuse_a_projects_address()
    model, prices, rows = model or DEFAULT_MODEL, table.load(), []
    for name in files:
        text = _text(name)
        found = exact_tokens(text, model) if exact else estimate_tokens(text, model)
        cost = prices.price(model, (found.tokens, 0, 0, 0, 0, 0, 0)).cost_nano
        rows.append({"file": name, **found._asdict(), "cost_usd": None if cost is None else usd(cost)})
        if not as_json:
            price = "no known price" if cost is None else f"${usd(cost)} sent once, not from a cache"
            say(f"{name}: {_shown(found)} for {model}, {price}")
    if as_json:
        emit_json({"model": model, "exact": exact, "files": rows})
    elif not exact:
        say("An estimate. --exact asks Anthropic, which costs nothing and needs a key.")


def _shown(found: TokenEstimate) -> str:
    if found.method == "count_tokens":
        return f"{found.tokens:,} tokens exactly"
    how = "by characters" if found.method == "heuristic" else found.method
    return f"about {found.tokens:,} tokens ({found.low:,} to {found.high:,}, {how})"


def _text(name: str) -> str:
    from gaia_hooks.machine import files

    try:
        data = sys.stdin.buffer.read() if name == "-" else files.read(name)
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror or error}. Name a text file", slug="file-unreadable"
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is no UTF-8 text (byte {error.start}): convert it first; pictures and PDFs cannot be estimated",
            slug="file-encoding",
        ) from error
