"""A month of an ecosystem as events: apps against caps, sessions of Claude Code with agents; the same on every run.

`NOW` is the instant that faces are shown it at; a test stops the ledger's clock there.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from gaia_budget.model import Event
from support.events import ts

if TYPE_CHECKING:
    from pathlib import Path

NOW = ts("2026-11-27T20:05")
MONTH = ts("2026-11-01T00:00")
DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000
CAPS = {"via": 20, "jseeker": 10, "hart_os": 15, "raven": 10, "mycel": 5}
TASKS = {
    "via": [("synthesis", "gemini-2.5-pro", 42), ("rag_retrieval", "gemini-2.5-flash", 3)],
    "jseeker": [("resume_adapt", "claude-sonnet-4-5", 20), ("jd_parse", "gpt-4o-mini", 2)],
    "hart_os": [("reflection", "gpt-4o", 24), ("classification", "claude-haiku-4-5", 1)],
    "raven": [("deep_audit", "claude-opus-4-1", 12)],
    "mycel": [("embedding", "text-embedding-3-small", 2)],
}
"""Task, model and cents of a day."""
SESSIONS = (
    ("5bc67726-0000-4000-8000-000000000001", "jseeker", "2026-11-27T19:29", 45),
    ("7795aa78-0000-4000-8000-000000000002", "hart_os", "2026-11-26T06:13", 90),
    ("af940cc3-0000-4000-8000-000000000003", "argus", "2026-11-21T17:27", 140),
    ("46b8810b-0000-4000-8000-000000000004", "jseeker", "2026-11-18T10:36", 220),
    ("3e233853-0000-4000-8000-000000000005", "raven", "2026-11-15T01:24", 20),
    ("0c93f6b1-0000-4000-8000-000000000006", "via", "2026-10-12T09:00", 60),
)


def events(days: int = 50) -> list[Event]:
    """Every event, the oldest first."""
    chance = random.Random(19)
    found = [one for session in SESSIONS for one in _session(chance, *session)]
    for ago in range(days):
        for module, tasks in TASKS.items():
            for task, model, cents in tasks:
                found += _calls(chance, ago, module, task, model, cents)
    return sorted((one for one in found if one.ts <= NOW), key=lambda one: one.ts)


def _calls(chance: random.Random, ago: int, module: str, task: str, model: str, cents: int) -> list[Event]:
    midnight = NOW - NOW % DAY - ago * DAY
    return [
        Event(
            event_id=f"{module}-{task}-{ago}-{number}",
            ts=midnight + (7 + 3 * number) * HOUR + chance.randrange(HOUR),
            source="app",
            billing="api",
            module=module,
            provider="google" if "gemini" in model else "anthropic" if "claude" in model else "openai",
            model=model,
            task=task,
            input_tokens=chance.randrange(2_000, 90_000),
            output_tokens=chance.randrange(100, 9_000),
            cost_nano=cents * 2_500_000 + chance.randrange(2_000_000),
            price_source="list",
            status="success",
        )
        for number in range(4)
    ]


def _session(chance: random.Random, session: str, module: str, start: str, responses: int) -> list[Event]:
    found = []
    for number in range(responses):
        agent = number % 7 == 3
        model = "claude-opus-4-5" if module == "argus" and number % 2 else "claude-sonnet-4-5"
        found.append(
            Event(
                event_id=f"{session[:8]}-{number}",
                ts=ts(start) + number * MINUTE // 2 + chance.randrange(10_000_000),
                source="claude_code",
                billing="plan",
                module=module,
                provider="anthropic",
                model="claude-haiku-4-5" if agent else model,
                session_id=session,
                agent_id=f"a{number // 70}" if agent else "",
                agent_type="Explore" if agent else "",
                task="feature_dev",
                input_tokens=chance.randrange(2, 400),
                output_tokens=chance.randrange(50, 4_000),
                cache_read_tokens=30_000 + 900 * number,
                cache_write_5m_tokens=chance.randrange(200, 4_000),
                cost_nano=20_000_000 + chance.randrange(60_000_000),
                price_source="list",
            )
        )
    return found


def owner_files(root: Path) -> None:
    """The caps of the apps, and the projects."""
    caps = {name: {"monthly_budget_usd": usd, "alert_threshold_pct": 80} for name, usd in CAPS.items()}
    root.mkdir(parents=True, exist_ok=True)
    document = {"$schema": "gaia-token-budget-v1", "updated": "2026-11-01", "per_module": caps}
    (root / "token_budget.json").write_text(json.dumps(document), encoding="utf-8")


def plan_windows(home: Path) -> None:
    """A plan's windows as a status line told them ten minutes ago."""
    windows = {
        "five_hour": {"percent": 34, "resets_at": NOW + 2 * HOUR},
        "seven_day": {"percent": 71, "resets_at": NOW + 3 * DAY},
    }
    home.mkdir(parents=True, exist_ok=True)
    kept = {**windows, "as_of": NOW - 10 * MINUTE, "marks": {}}
    (home / "plan.json").write_text(json.dumps(kept), encoding="utf-8")
