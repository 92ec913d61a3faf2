"""Clients of apps on the loopback server, and what was booked for them, read back from ledger and log."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from gaia_budget.model import DOWNGRADED, REFUSED
from support import ecosystem
from support.wire_server import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

NOT_AS_ASKED = (REFUSED, DOWNGRADED)
PATIENCE = 100  # looks at the ledger, 20 ms apart, until nothing is held


def set_caps(
    folder: Path, caps: dict[str, float], models: tuple[str, ...] = ("haiku", "sonnet", "opus")
) -> None:
    """Write `token_budget.json` with these caps."""
    budget = ecosystem.token_budget(caps)
    for entry in budget["per_module"].values():
        entry["models"] = list(models)
    (folder / "token_budget.json").write_text(json.dumps(budget), encoding="utf-8")


def claude(server: WireServer, **options: Any) -> Any:
    import anthropic

    return anthropic.Anthropic(base_url=server.url, api_key=KEY, **options)


def claude_async(server: WireServer, **options: Any) -> Any:
    import anthropic

    return anthropic.AsyncAnthropic(base_url=server.url, api_key=KEY, **options)


def gpt(server: WireServer, **options: Any) -> Any:
    import openai

    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, **options)


def gpt_async(server: WireServer, **options: Any) -> Any:
    import openai

    return openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY, **options)


def gemini(server: WireServer) -> Any:
    from google import genai

    return genai.Client(api_key=KEY, http_options={"base_url": server.url})


def booked(module: str = "jseeker") -> list[Any]:
    """The module's events in the ledger, by time, once nothing is held: a left stream is read on beside."""
    for _ in range(PATIENCE):
        if not month(module).reserved_nano:
            break
        threading.Event().wait(0.02)
    return entered(module)


def entered(module: str = "jseeker") -> list[Any]:
    """The same as it is now, whatever is held. Notes of calls that were not sent as asked are no calls."""
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings import load

    with Ledger.open(settings=load()) as ledger:
        columns = ", ".join(f'"{name}"' for name in Event.__struct_fields__)
        sql = f"SELECT {columns} FROM events WHERE module = ? ORDER BY ts, event_id"
        rows = ledger.db.ask(lambda ask: ask(sql, (module,)))
        found = [Event(**dict(zip(Event.__struct_fields__, row, strict=True))) for row in rows]
    return [one for one in found if one.status not in NOT_AS_ASKED]


def settled(root: Path, *, statuses: list[str]) -> list[Any]:
    """Every call is booked once, in the ledger as in the log, and nothing is held any more."""
    events = booked()
    assert [event.status for event in events] == statuses
    assert sorted(line["event_id"] for line in logged(root)) == sorted(event.event_id for event in events)
    now = month()
    assert now.reserved_nano == 0
    assert now.app_nano == sum(event.cost_nano or 0 for event in events)
    return events


def month(module: str = "jseeker") -> Any:
    """The module's month in the ledger."""
    from gaia_budget.budgets import Budgets
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    with Ledger.open(settings=load()) as ledger:
        return Budgets(ledger).month(module)


def logged(root: Path, module: str = "jseeker") -> list[dict[str, Any]]:
    """The module's ARGUS lines, each read as the ecosystem's reader does."""
    path = root / "logs" / f"{module}_runtime.jsonl"
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_bytes().decode("ascii").splitlines()]
    return [one for one in lines if one["status"] not in NOT_AS_ASKED]
