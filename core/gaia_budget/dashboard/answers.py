"""The endpoint's questions: one line for each report, which the routes and the tests read, and its OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gaia_budget.errors import InputError
from gaia_budget.reports.alerts import alerts
from gaia_budget.reports.asked import NARROWING, Asked, axes_of, sums
from gaia_budget.reports.books import Books, here
from gaia_budget.reports.money.blocks import blocks, total
from gaia_budget.reports.money.cache import cache
from gaia_budget.reports.money.changes import changes
from gaia_budget.reports.money.forecast import anomalies, forecast
from gaia_budget.reports.money.refused import refused
from gaia_budget.reports.money.tasks import tasks
from gaia_budget.reports.money.thresholds import measured
from gaia_budget.reports.overview import overview
from gaia_budget.reports.sessions.fan_outs import MOST_SESSIONS, agents
from gaia_budget.reports.sessions.filling import filling
from gaia_budget.reports.sessions.receipt import receipt
from gaia_budget.reports.sessions.recent import USUAL, sessions
from gaia_budget.reports.status import status
from gaia_claude_md.files.saved import everywhere

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
OF_SESSIONS = (*PERIOD, "top", "format", "project", "module", "user", "machine")
Given = Mapping[str, str]
Document = dict[str, Any]


class Question(NamedTuple):
    """A report under `/api/v1/NAME`: what it tells, its parameters, who answers, and under what key its rows are."""

    name: str
    tells: str
    takes: tuple[str, ...]
    answer: Callable[[Ledger, Settings, Given], Document]
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


def _overview(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return overview(ledger, settings).document()


def _spend(ledger: Ledger, settings: Settings, given: Given) -> Document:
    answer = sums(ledger, axes_of(given.get("by", "module")), asked(given))
    rows = answer.rows[: top(given, MOST_ROWS)]
    return answer._replace(rows=rows).document()


def _table(axis: str) -> Callable[[Ledger, Settings, Given], Document]:
    def answer(ledger: Ledger, settings: Settings, given: Given) -> Document:
        found = measured(ledger, settings, axis, asked(given))
        return (found.newest(top(given, 1)) if given.get("top") else found).document()

    return answer


class _Report(Protocol):
    def document(self) -> Document: ...


def _narrowed(report: Callable[[Ledger, Asked], _Report]) -> Callable[[Ledger, Settings, Given], Document]:
    """The answer of a report that takes nothing but what it is narrowed to."""
    return lambda ledger, settings, given: report(ledger, asked(given)).document()


def _claude_md(ledger: Ledger, settings: Settings, given: Given) -> Document:
    rows = everywhere(ledger, _books(ledger, settings).registry.roots())
    return {"rows": [one.document() for one in rows]}


def _sessions(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return sessions(ledger, asked(given), top(given, USUAL)).document()


def _session(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return receipt(ledger, given["session"]).document()


def _context(ledger: Ledger, settings: Settings, given: Given) -> Document:
    found = filling(ledger, asked(given)).document()
    return found | {"rows": found["rows"][: top(given, MOST_ROWS)]}


def _blocks(ledger: Ledger, settings: Settings, given: Given) -> Document:
    found = blocks(ledger, asked(given, "3d"))
    return {"total": total(found).document(), "rows": [one.document() for one in found]}


def _agents(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return agents(ledger, asked(given), top(given, MOST_SESSIONS)).document()


def _status(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return status(_books(ledger, settings), given.get("session") or None).document()


def _alerts(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return alerts(_books(ledger, settings), every=bool(given.get("all"))).document()


def _forecast(ledger: Ledger, settings: Settings, given: Given) -> Document:
    return forecast(_books(ledger, settings), asked(given).where.get("module")).document()


def _anomalies(ledger: Ledger, settings: Settings, given: Given) -> Document:
    wanted = asked(given)
    found = anomalies(_books(ledger, settings), wanted.where.get("module"), wanted.since)
    return {"anomalies": [one.document() for one in found]}


def _books(ledger: Ledger, settings: Settings) -> Books:
    return Books(settings, ledger, here(), ledger.now())


_PLAIN, _TABLE = (*PERIOD, "format", *NARROW), (*PERIOD, "top", "format", *NARROW)
QUESTIONS = (
    Question("overview", "Where everything stands: `gaia-budget` alone.", (), _overview),
    Question("spend", "What was spent, by any axes.", ("by", *_TABLE), _spend),
    Question("daily", "What each day cost, the newest first.", _TABLE, _table("day")),
    Question("weekly", "What each week cost, the newest first.", _TABLE, _table("week")),
    Question("monthly", "What each month cost, the newest first.", _TABLE, _table("month")),
    Question("projects", "What each project cost, the dearest first.", _TABLE, _table("module")),
    Question("models", "What each model cost, the dearest first.", _TABLE, _table("model")),
    Question("tasks", "Which tasks use which models.", _PLAIN, _narrowed(tasks)),
    Question("cache", "What prompt caching saved, by project.", _PLAIN, _narrowed(cache)),
    Question(
        "refused",
        "Calls of apps that a limit refused or moved to a cheaper model, by project.",
        _PLAIN,
        _narrowed(refused),
    ),
    Question(
        "claude_md",
        "What each CLAUDE.md that is split has saved in 30 days, by estimate.",
        ("format",),
        _claude_md,
    ),
    Question("sessions", "The newest sessions.", OF_SESSIONS, _sessions),
    Question(
        "context",
        "What fills the context of this machine's sessions, by tool: an estimate, from their transcripts.",
        (*PERIOD, "top", "format", "project", "module", "session"),
        _context,
    ),
    Question(
        "session", "One session: by model, by agent, its newest responses.", ("session", "format"), _session
    ),
    Question("blocks", "Claude Code by stretches of five hours.", _PLAIN, _blocks),
    Question(
        "agents", "What agents cost in the newest sessions; `top` is how many sessions.", OF_SESSIONS, _agents
    ),
    Question(
        "changes",
        "A stretch of days against as many before, by project; without one the last seven.",
        _PLAIN,
        _narrowed(changes),
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


def _json(what: str, **schema: Any) -> Document:
    return {"description": what, "content": {"application/json": {"schema": {"type": "object", **schema}}}}


PROBLEM = _json(
    "What is wrong, and how to mend it.",
    required=["error", "slug"],
    properties={"error": {"type": "string"}, "slug": {"type": "string"}},
)
PROBLEMS = dict.fromkeys(("400", "404", "503"), PROBLEM)
REFUSED = {
    "401": {"description": "The token is missing."},
    "403": {"description": "The Host or Origin is not ours."},
}


def openapi() -> Document:
    """The OpenAPI document of the endpoint."""
    paths: Document = {f"/api/v1/{one.name}": {"get": _operation(one)} for one in QUESTIONS}
    paths["/api/v1/alerts/{id}/acknowledge"] = {
        "post": {
            "operationId": "acknowledge",
            "summary": "Take note of an alert: sessions and MCP no longer tell of it.",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": {"200": _json("The alert."), **PROBLEMS, **REFUSED},
        }
    }
    paths["/api/v1/events"] = {
        "get": {
            "operationId": "events",
            "summary": "Server-sent events: `change` with a version whenever something new was spent or fired.",
            "responses": {
                "200": {"description": "A stream.", "content": {"text/event-stream": {}}},
                **REFUSED,
            },
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GAIA Token Budget",
            "version": version("gaia-token-budget"),
            "description": "Tokens are integers; money is a decimal string in USD; times are UTC, days and months "
            "those of the configured zone.",
        },
        "paths": paths,
    }


def _operation(question: Question) -> Document:
    return {
        "operationId": question.name,
        "summary": question.tells,
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": question.name == "session",
                "schema": {"type": "string"},
                "description": WORDS.get(name, f"This {name.replace('_', ' ')} alone."),
            }
            for name in question.takes
        ],
        "responses": {"200": _json("The report."), **PROBLEMS, **REFUSED},
    }
