"""`gaia-budget settings`: every key with its value, origin and meaning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gaia_budget.cli.output import JsonFlag, emit_json, say
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("settings")(settings)


def settings(as_json: JsonFlag = False) -> None:
    """Print every setting with its value, where it comes from, and what it means."""
    from gaia_budget import places
    from gaia_budget import settings as config
    from gaia_budget.settings.keys import Settings

    loaded = config.load()
    values = loaded.document() | {"gaia_root": _text(places.gaia_root()), "db": _safe(loaded.db)}
    rows = [
        {"key": key, "value": values[key], "origin": config.origin(key), "meaning": one.meaning}
        for key, one in Settings.keys.items()
    ]
    if as_json:
        emit_json({"file": str(places.settings_file()), "settings": rows})
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("key", "value", "origin", "meaning"):
        table.add_column(column, no_wrap=column == "key", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(row[column])) for column in ("key", "value", "origin", "meaning")))
    Console().print(table)
    say(f"\nChange them in {places.settings_file()}, or as {config.PREFIX}<KEY> in the environment.")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _safe(url: str) -> str:
    """A database URL without its password and options; nothing of one that cannot be read."""
    from gaia_budget.ledger.database.url import parse_url

    try:
        return parse_url(url).name if url else ""
    except InputError:
        return "(cannot be read)"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
