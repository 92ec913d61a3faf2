"""The endpoint's questions: one line for each report, which the routes, the OpenAPI document and the tests read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.reports.asked import NARROWING, Asked, axes_of, sums
from gaia_budget.reports.books import Books, here

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

PERIOD = ("since", "until", "zone")
WORDS = {
    "since": "From here on: 2026-11-23, 2026-11, 7d, 36h, today, month, or an ISO time.",
    "until": "Up to here; a date includes its day.",
    "zone": "The time zone of days, weeks and months, such as Europe/Berlin; default: the ledger's.",
    "by": "Axes with commas, such as task,model.",
    "top": "So many rows at most.",
    "format": "`json` (the default) or `csv`, where there are rows.",
    "project": "The same as `module`.",
}
MOST_ROWS = 100_000
NARROW = ("project", *NARROWING)
OF_SESSIONS = ("project", "module", "user", "machine")
Given = Mapping[str, str]


class Question(NamedTuple):
    """A report under `/api/v1/NAME`: what it tells, its parameters, who answers, and under what key its rows are."""

    name: str
    tells: str
    takes: tuple[str, ...]
    answer: Callable[[Ledger, Settings, Given], dict[str, Any]]
    rows: str = "rows"


def asked(given: Given, since: str | None = None) -> Asked:
    """What the parameters narrow the question to; `since` where they name no stretch."""
    where = {("module" if name == "project" else name): given[name] for name in NARROW if given.get(name)}
    start = given.get("since") or (None if given.get("until") else since)
    return Asked(start, given.get("until") or None, where)


def top(given: Given, usual: int) -> int:
    """How many rows are wanted. Raises InputError."""
    text = given.get("top") or str(usual)
    if not text.isdecimal() or len(text) > len(str(MOST_ROWS)) or not 1 <= int(text) <= MOST_ROWS:
        raise InputError(
            f"top={text[:20]!r} is no number of rows between 1 and {MOST_ROWS}", slug="not-valid"
        )
    return int(text)


def _overview(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.overview import overview

    return overview(ledger, settings).document()


def _spend(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    answer = sums(ledger, axes_of(given.get("by", "module")), asked(given))
    rows = answer.rows[: top(given, MOST_ROWS)]
    return answer._replace(rows=rows).document()


def _table(axis: str) -> Callable[[Ledger, Settings, Given], dict[str, Any]]:
    def answer(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
        from gaia_budget.reports.money.thresholds import measured

        found = measured(ledger, settings, axis, asked(given))
        return (found.newest(top(given, 1)) if given.get("top") else found).document()

    return answer


def _tasks(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.tasks import tasks

    return tasks(ledger, asked(given)).document()


def _cache(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.cache import cache

    return cache(ledger, asked(given)).document()


def _refused(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.refused import refused

    return refused(ledger, asked(given)).document()


def _claude_md(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_claude_md.files.saved import everywhere

    rows = everywhere(ledger, _books(ledger, settings).registry.roots())
    return {"rows": [one.document() for one in rows]}


def _sessions(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.sessions.recent import USUAL, sessions

    return sessions(ledger, asked(given), top(given, USUAL)).document()


def _session(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.sessions.receipt import receipt

    return receipt(ledger, given["session"]).document()


def _context(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.sessions.filling import filling

    found = filling(ledger, asked(given))
    return found.document() | {"rows": found.document()["rows"][: top(given, MOST_ROWS)]}


def _blocks(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.blocks import blocks, total

    found = blocks(ledger, asked(given, "3d"))
    return {"total": total(found).document(), "rows": [one.document() for one in found]}


def _changes(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.changes import changes

    return changes(ledger, asked(given)).document()


def _agents(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.sessions.fan_outs import MOST_SESSIONS, agents

    return agents(ledger, asked(given), top(given, MOST_SESSIONS)).document()


def _status(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.status import status

    return status(_books(ledger, settings), given.get("session") or None).document()


def _alerts(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.alerts import alerts

    return alerts(_books(ledger, settings), every=bool(given.get("all"))).document()


def _forecast(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.forecast import forecast

    return forecast(_books(ledger, settings), given.get("module") or given.get("project") or None).document()


def _anomalies(ledger: Ledger, settings: Settings, given: Given) -> dict[str, Any]:
    from gaia_budget.reports.money.anomalies import anomalies

    module = given.get("module") or given.get("project") or None
    found = anomalies(_books(ledger, settings), module, given.get("since") or None)
    return {"anomalies": [one.document() for one in found]}


def _books(ledger: Ledger, settings: Settings) -> Books:
    return Books(settings, ledger, here(), ledger.now())


_TABLE = (*PERIOD, "top", "format", *NARROW)
QUESTIONS = (
    Question("overview", "Where everything stands: `gaia-budget` alone.", (), _overview),
    Question("spend", "What was spent, by any axes.", ("by", *_TABLE), _spend),
    Question("daily", "What each day cost, the newest first.", _TABLE, _table("day")),
    Question("weekly", "What each week cost, the newest first.", _TABLE, _table("week")),
    Question("monthly", "What each month cost, the newest first.", _TABLE, _table("month")),
    Question("projects", "What each project cost, the dearest first.", _TABLE, _table("module")),
    Question("models", "What each model cost, the dearest first.", _TABLE, _table("model")),
    Question("tasks", "Which tasks use which models.", (*PERIOD, "format", *NARROW), _tasks),
    Question("cache", "What prompt caching saved, by project.", (*PERIOD, "format", *NARROW), _cache),
    Question(
        "refused",
        "Calls of apps that a limit refused or moved to a cheaper model, by project.",
        (*PERIOD, "format", *NARROW),
        _refused,
    ),
    Question(
        "claude_md",
        "What each CLAUDE.md that is split has saved in 30 days, by estimate.",
        ("format",),
        _claude_md,
    ),
    Question("sessions", "The newest sessions.", (*PERIOD, "top", "format", *OF_SESSIONS), _sessions),
    Question(
        "context",
        "What fills the context of this machine's sessions, by tool: an estimate, from their transcripts.",
        (*PERIOD, "top", "format", "project", "module", "session"),
        _context,
    ),
    Question(
        "session", "One session: by model, by agent, its newest responses.", ("session", "format"), _session
    ),
    Question("blocks", "Claude Code by stretches of five hours.", (*PERIOD, "format", *NARROW), _blocks),
    Question(
        "agents",
        "What agents cost in the newest sessions; `top` is how many sessions.",
        (*PERIOD, "top", "format", *OF_SESSIONS),
        _agents,
    ),
    Question(
        "changes",
        "A stretch of days against as many before, by project; without one the last seven.",
        (*PERIOD, "format", *NARROW),
        _changes,
    ),
    Question("status", "A session and its module's month.", ("session",), _status),
    Question("alerts", "What fires now; with all=1 what is over, too.", ("all", "format"), _alerts, "alerts"),
    Question(
        "forecast", "Where each module's month ends.", ("format", "module", "project"), _forecast, "modules"
    ),
    Question(
        "anomalies",
        "Days out of the ordinary.",
        ("since", "format", "module", "project"),
        _anomalies,
        "anomalies",
    ),
)


def refuse_unknown(question: Question, given: Given) -> None:
    """Raise InputError for a parameter that the question does not take: a filter that does nothing would lie."""
    unknown = [name for name in given if name not in question.takes]
    if unknown:
        takes = ", ".join(question.takes) or "no parameter"
        raise InputError(
            f"{question.name} does not take {unknown[0][:40]!r}. Valid: {takes}", slug="not-valid"
        )
