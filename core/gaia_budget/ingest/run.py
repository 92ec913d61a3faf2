"""One run: settle what hooks watch, then logs, then transcripts, then what the clients' own totals know."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from gaia_budget import places, snapshot
from gaia_budget.alerts import channels, evaluation
from gaia_budget.budgets import Budgets
from gaia_budget.budgets.spool import upkeep
from gaia_budget.errors import ConfigError, InputError
from gaia_budget.forecast.series import working_week
from gaia_budget.ingest import unattributed
from gaia_budget.ingest.costs import Costs
from gaia_budget.ingest.ecosystem.logs import Logs, rotate
from gaia_budget.ingest.months import Before, ahead, before, cover_overspend, lifts, months, taken
from gaia_budget.ingest.rebilling import rebill
from gaia_budget.ingest.report import Report
from gaia_budget.ingest.sessions import Sessions
from gaia_budget.ledger.outcomes import happened
from gaia_budget.routing import table, tiers, wishes
from gaia_hooks.machine import clock, files
from gaia_hooks.session import months as hook_months
from gaia_hooks.session import sessions, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.outcomes import TaskCall
    from gaia_budget.routing.tiers import Routing
    from gaia_budget.settings.keys import Settings
    from gaia_budget.snapshot import Months

KILLED_SECONDS = 86_400.0  # no writer takes a day
LOOK_BACK = 2 * 86_400 * clock.MICRO
"""Microseconds of calls that are looked at each time: what was found before is found again, and changes nothing."""
OFTEN = 3_600 * clock.MICRO
"""Microseconds after which a question looks again: days of calls cost more than most questions."""
ALREADY_JUDGED = "escalation"  # by `guard.escalate`, and recorded then


def run(settings: Settings, ledger: Ledger, progress: Callable[[int, int], None] | None = None) -> Report:
    """Take everything new into the ledger. Safe to kill at any instant and to run twice at once.

    `progress` is called with (bytes done, bytes in all) of the transcripts. Raises LedgerError, ConfigError.
    """
    report, began = Report(), time.perf_counter()
    known, counted_to = _settled(report)
    upkeep(Budgets(ledger))
    _read(settings, ledger, report, progress)
    learn(ledger, report)
    report.seconds = time.perf_counter() - began
    sessions.forget_old(str(places.home()), clock.now() // clock.MICRO)
    rotate(Logs(ledger, settings, Costs(), places.logs_dir(), report))
    if snapshot.FOREIGN in _tell(ledger, settings, counted_to, known)["problems"]:
        report.skip(str(places.home() / "snapshot.json"), 0, snapshot.FOREIGN)
    channels.send(ledger, settings)
    return report


def refresh(settings: Settings, ledger: Ledger, progress: Callable[[int, int], None] | None = None) -> Report:
    """Take everything new in for a question that is asked now, and tell the hooks where that changes their figures.

    Logs are not rotated and nothing is sent: that is the work of `run`. Raises LedgerError, ConfigError, OSError.
    """
    report = Report()
    known, counted_to = _settled(report)
    _read(settings, ledger, report, progress)
    learn_now_and_then(ledger, report)
    rebilled = rebill(ledger, settings)
    if report.events_new or report.completed or rebilled or snapshot.is_outdated(settings):
        _tell(ledger, settings, counted_to, known)
    return report


@contextmanager
def telling_hooks(settings: Settings, ledger: Ledger) -> Iterator[None]:
    """Whatever is taken in within it and by whomever, hooks decide by it afterwards."""
    known, counted_to = _settled(Report())
    yield
    _tell(ledger, settings, counted_to, known)


def _tell(ledger: Ledger, settings: Settings, counted_to: int, known: Before) -> dict[str, Any]:
    """What follows from new spend: who pays for it, overrides used up, alerts, and what hooks decide by."""
    rebill(ledger, settings)
    cover_overspend(ledger, settings)
    state = evaluation.evaluate(ledger, settings)
    figures = months(ledger, settings, counted_to)._replace(
        ahead=ahead(ledger, known), taken=taken(ledger, known)
    )
    return _tell_hooks(ledger, figures, settings, state)


def take_in(settings: Settings, ledger: Ledger, progress: Callable[[int, int], None] | None = None) -> None:
    """The same without telling the hooks: for a ledger that is not the one in use (`verify`, `rebuild`)."""
    report = Report()
    settle_watched(report)
    _read(settings, ledger, report, progress)


def _settled(report: Report) -> tuple[Before, int]:
    """What hooks know, and when, once they have noted all that files tell by now: the ledger will hold that."""
    settle_watched(report)
    return before(), clock.now()


def _read(
    settings: Settings, ledger: Ledger, report: Report, progress: Callable[[int, int], None] | None
) -> None:
    from gaia_budget.owner import load_registry

    costs = Costs()
    with _without_collections():
        logs = Logs(ledger, settings, costs, places.logs_dir(), report)
        logs.take_in()
        sessions = Sessions(ledger, settings, costs, load_registry().roots(), report)
        sessions.take_in(places.claude_config_dirs(), progress)
        for session in logs.without_rows:
            sessions.reckon_again(session)
        unattributed.reconcile(ledger, settings, costs, sessions, report)


def learn_now_and_then(ledger: Ledger, report: Report) -> None:
    """Learn where nobody on this machine has from this ledger for an hour. Raises LedgerError."""
    try:
        last, _, of = files.read(_mark()).decode("utf-8", "replace").partition(" ")
        due = of != _named(ledger) or not 0 <= ledger.now() - int(last) < OFTEN
    except (OSError, ValueError):
        due = True
    if due:
        learn(ledger, report)


def _mark() -> str:
    """The file that says when, and from which ledger, was learnt last."""
    return str(places.home() / "learned")


def _named(ledger: Ledger) -> str:
    return f"{ledger.org} {ledger.db.address.name}"


def learn(ledger: Ledger, report: Report) -> None:
    """Record what apps' calls show of models' work (`ledger.outcomes.happened`), beside what people say.

    A routing table that cannot be read is named in the report, and nothing is learnt by it until it can be. Raises
    LedgerError.
    """
    now = ledger.now()
    calls = ledger.calls_of_tasks(now - LOOK_BACK)
    if calls:
        try:
            routing = table.load()
        except ConfigError as error:
            report.skip(str(table.file()), 0, str(error))
            return
        _record_outcomes(ledger, calls, routing, now - LOOK_BACK)
    with suppress(OSError):  # a folder that may only be read: the next question looks again
        files.replace(_mark(), f"{now} {_named(ledger)}".encode(), durable=False)


def _record_outcomes(ledger: Ledger, calls: list[TaskCall], routing: Routing, since: int) -> None:
    def strength(model: str) -> int | None:
        known = wishes.standing_of(model, routing)
        return tiers.TIERS.index(known[1]) if known else None

    judged = {
        (one.task, one.model) for one in ledger.outcomes() if one.kind == ALREADY_JUDGED and one.ts >= since
    }
    for name, one in happened(calls, strength).items():
        if (one.task, one.model) not in judged:
            ledger.record_outcome(
                one.task, one.model, False, module=one.module, kind=one.kind, ts=one.ts, outcome_id=name
            )


@contextmanager
def _without_collections() -> Iterator[None]:
    """Hundreds of thousands of small objects and no cycle among them: looking for cycles costs a tenth of a run."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def import_logs(settings: Settings, ledger: Ledger, folder: Path) -> Report:
    """Take in a folder of event files, such as a backup; lines that are known already change nothing.

    Raises InputError when there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder; name one that holds event files (*.jsonl)",
            slug="file-missing",
        )
    report, began = Report(), time.perf_counter()
    with telling_hooks(settings, ledger):
        Logs(ledger, settings, Costs(), folder, report).take_in()
    report.seconds = time.perf_counter() - began
    return report


def import_api_costs(settings: Settings, ledger: Ledger, file: Path) -> Report:
    """Take in jSeeker's `api_costs` table; rows that are known already change nothing. Raises InputError."""
    from gaia_budget.ingest.ecosystem import jseeker

    report, began = Report(), time.perf_counter()
    with telling_hooks(settings, ledger):
        jseeker.take_in(ledger, settings, Costs(), file, report)
    report.seconds = time.perf_counter() - began
    return report


def _tell_hooks(
    ledger: Ledger, figures: Months, settings: Settings, state: evaluation.Evaluated
) -> dict[str, Any]:
    """Write the snapshot that hooks decide by; what they noted of the month themselves is in its figures now."""
    written = snapshot.write(
        settings, figures, lifts=lifts(ledger), alerts=state.for_hooks(), week=working_week(ledger)
    )
    if snapshot.FOREIGN in written["problems"]:
        return written  # which still needs what hooks noted themselves
    for module in figures.modules:
        hook_months.trim(str(places.home()), module, figures.counted_to)
    return written


def settle_watched(report: Report) -> None:
    """Let each session that hooks watch write the event lines it still owes (see `gaia_hooks.session.counting`)."""
    home = str(places.home())
    for folder in (home, state.folder(home), files.join(home, "months")):
        files.sweep(folder, KILLED_SECONDS)
    for session_id in sessions.ids(home):
        try:
            sessions.catch_up(home, session_id)
        except files.LockTimeout:
            continue  # a hook is counting it at this moment: the next run completes it
        except (OSError, state.NewerState) as error:
            report.skip(state.path_of(home, session_id), 0, f"this session was not settled: {error}")
