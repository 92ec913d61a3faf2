"""`doctor`: what is wired, what enforces nothing and why, what is stale, what is not counted; changes nothing."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaia_budget import contradictions, owner, places, settings
from gaia_budget.errors import ConfigError, GaiaBudgetError
from gaia_budget.prices import contract
from gaia_budget.settings.keys import Settings
from gaia_budget.setup.checks import client_checks, noted
from gaia_budget.setup.checks.client_checks import Check, settings_files
from gaia_hooks.facts import session_types, snapshot
from gaia_hooks.facts.names import shown
from gaia_hooks.facts.prices.billing import AUTO, UNKNOWN
from gaia_hooks.machine import clock, files
from gaia_hooks.session import sessions, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QUOTE = '\\"' if os.name == "nt" else '"'  # Windows PowerShell takes plain quotes out of what it passes on
RESCUE = f"claude --settings '{{{_QUOTE}disableAllHooks{_QUOTE}:true}}'"
STALE_MICROS = 24 * 3600 * clock.MICRO
# Claude's desktop app gives each local session a configuration folder of its own, named by two ids and its own.
APPS = tuple(
    f"~/{data}/Claude/local-agent-mode-sessions/*/*/local_*/.claude"
    for data in ("Library/Application Support", "AppData/Roaming", ".config",
                 "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming")
)  # fmt: skip
KEPT_DAYS = 30  # how long Claude Code keeps transcripts where nothing else is set


def examine(project: Path) -> list[Check]:
    """Run every check for the user and for one project folder."""
    return [found for check in CHECKS for found in check(project)]


def _program(project: Path) -> Iterator[Check]:
    """What a report of a fault has to name first."""
    python = ".".join(map(str, sys.version_info[:3]))
    where = f"in {sys.prefix} (Python {python}); its state: {places.home()}"
    yield Check("program", True, f"gaia-token-budget {version('gaia-token-budget')} {where}")
    if places.home().is_dir() and not places.may_write(places.home()):
        detail = (
            "the state folder cannot be written: limits hold and figures are shown, but nothing new is kept"
        )
        yield Check("state folder", False, detail, f"Give yourself write access to {places.home()}")


def _own_files(project: Path) -> Iterator[Check]:
    loaders: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("settings.toml", settings.load),
        ("token_budget.json", owner.load_token_budget),
        ("registry.json", owner.load_registry),
    )
    for name, load in loaders:
        try:
            loaded = load()
        except GaiaBudgetError as error:
            yield Check(name, False, str(error), "Fix it; until then hooks keep to the built-in limits")
        else:
            notices = getattr(loaded, "notices", [])
            if places.gaia_root() is not None and not isinstance(loaded, Settings) and not loaded.file:
                cure = "Put it there, or name the right folder in GAIA_ROOT"
                yield Check(name, False, "; ".join(notices), cure)
                continue
            unset = isinstance(loaded, Settings) and not places.settings_file().exists()
            in_force = "is not there: every setting has its default" if unset else "is in force"
            yield Check(name, True, "; ".join(notices) or in_force)


def _without_effect(project: Path) -> Iterator[Check]:
    """Settings that nothing follows from, the session type of the environment among them."""
    policy = snapshot.load(str(places.home()))
    try:
        chosen, budget, registry = settings.load(), owner.load_token_budget(), owner.load_registry()
    except GaiaBudgetError:
        return  # named by the checks of the files themselves
    spent = [name for name, entry in policy["modules"].items() if "total_nano" in entry]
    found = contradictions.without_effect(chosen, budget, registry, spent)
    wrong_type = session_types.problem(policy)
    found += [wrong_type] if wrong_type else []
    cure = "Fix the name, or take the entry out" if found else ""
    yield Check("settings without effect", not found, "; ".join(found) or "none", cure)


def _paid(project: Path) -> Iterator[Check]:
    """How Claude Code is paid for, and whether anybody has said so."""
    try:
        chosen = settings.load()
    except GaiaBudgetError:
        return
    counted = chosen.counts_anywhere
    if chosen.billing != UNKNOWN:
        how = "as set" if chosen.claude_code_billing != AUTO else "as found out"
        yield Check("payment", True, f"Claude Code is paid by {chosen.billing} ({how})")
    else:
        detail = "nobody knows how Claude Code is paid for" + (": it counts against caps" if counted else "")
        yield Check(
            "payment", not counted, detail, "gaia-budget pay plan, or gaia-budget pay api" if counted else ""
        )


def _snapshot(project: Path) -> Iterator[Check]:
    policy = snapshot.load(str(places.home()))
    age = clock.now() - policy["written_at"]
    if not policy["written_at"]:
        detail = "hooks know no prices yet, and only the built-in limits"
        yield Check("prices and limits", False, detail, "gaia-budget ingest")
    elif age > STALE_MICROS:
        yield Check(
            "prices and limits",
            False,
            f"the hooks' limits and prices are {age // STALE_MICROS} days old",
            "gaia-budget ingest",
        )
    else:
        yield Check("prices and limits", True, "the hooks' limits and prices are of the last 24 hours")
    yield Check("enforcement", True, _enforcement(policy))


def _enforcement(policy: dict[str, Any]) -> str:
    blocking = [
        name
        for name, entry in policy["modules"].items()
        if entry.get("on_exceeded") in ("block", "downgrade")
    ]
    parts = [
        "sessions are blocked at their limit"
        if policy["session_policy"] == "block"
        else "session limits warn only"
    ]
    parts.append(
        f"monthly caps act for {', '.join(blocking)}" if blocking else "monthly caps warn only in Claude Code"
    )
    return f"{'; '.join(parts)}. If hooks ever get in the way: {RESCUE}"


def _ledger(project: Path) -> Iterator[Check]:
    from gaia_budget.ledger import Ledger

    try:
        with Ledger.open(settings=settings.load()) as ledger:
            total = ledger.spend(("module",)).total
    except GaiaBudgetError as error:
        yield Check("history", False, str(error), "Fix the setting db, or free the file")
    else:
        unpriced = (
            f", {total.unpriced_responses:,} of them without a price" if total.unpriced_responses else ""
        )
        yield Check("history", True, f"{total.responses:,} responses{unpriced}")


def _alerts(project: Path) -> Iterator[Check]:
    from gaia_budget.alerts import evaluation
    from gaia_budget.alerts.fired import Fired
    from gaia_budget.ledger import Ledger

    try:
        chosen = settings.load()
        with Ledger.open(settings=chosen) as ledger:
            problems = evaluation.problems(ledger, chosen)
            firing = sum(1 for alert in Fired(ledger).alerts_lately() if alert.resolved_ts is None)
    except GaiaBudgetError as error:
        yield Check("alerts", False, f"cannot be judged: {error}", "Fix what the other checks name")
        return
    if problems:
        cure = "Fix the rule, file or channel that is named; the other rules and channels go on working"
        yield Check("alerts", False, "; ".join(problems), cure)
    else:
        yield Check("alerts", True, f"{firing} at present (`gaia-budget alerts`)")


def understood(project: Path) -> Iterator[Check]:
    """Whether everything that watched sessions bill is understood; if not, their figures say "at least"."""
    home, found = str(places.home()), dict[str, int]()
    for session in sessions.ids(home):
        try:
            seen = sessions.read(home, session)
        except (OSError, state.NewerState):
            continue
        for name, times in (*seen.odd.items(), *seen.aside.items()) if seen else ():
            found[name] = found.get(name, 0) + times
    if not found:
        yield Check("counting", True, "everything that sessions bill is understood")
        return
    told = ", ".join(f"{shown(name)} ({times})" for name, times in sorted(found.items()))
    yield Check("counting", False, f"figures are at least these, for what is not understood: {told}",
                "gaia-budget ingest --skipped names files and lines; a newer version may know more")  # fmt: skip


def kept_history(project: Path) -> Iterator[Check]:
    """For how long Claude Code keeps what there is to count."""
    days = KEPT_DAYS
    for _, told in _settings(project, *places.managed_settings()):
        kept = told.get("cleanupPeriodDays")
        if isinstance(kept, int) and not isinstance(kept, bool) and kept > 0:
            days = kept
    detail = (
        f"Claude Code deletes transcripts after {days} days (cleanupPeriodDays); what `ingest` has taken in stays "
        "in the history, what it deleted before is lost"
    )
    yield Check("history", True, detail)


def folders(project: Path) -> Iterator[Check]:
    """Whether transcripts lie where nobody looks: a relative folder, an app that gives each session its own."""
    if relative := places.relative_config_dir():
        cure = "Set it to a whole path; what was counted by hooks meanwhile is in the ledger"
        yield Check("transcripts", False, relative, cure)
    try:
        known = set(places.claude_config_dirs())
    except ConfigError:
        return  # told with the settings themselves
    for pattern in APPS:
        head, _, below = str(places.expanded(pattern)).partition("*")
        missed = [found for found in Path(head).glob("*" + below) if found not in known]
        if missed:
            told = f"{len(missed)} sessions of Claude's desktop app lie in {head} and are not counted"
            yield Check(
                "transcripts", False, told, f'Add to settings.toml: claude_config_dirs = ["{pattern}"]'
            )


def trust(project: Path) -> Iterator[Check]:
    """In a terminal nothing that settings name runs in a folder that is not trusted; Claude Code asks at its start."""
    if noted.is_trusted(project) is False:
        detail = (
            f"{project} is not trusted yet: in a terminal no hook runs there until you say so when it asks"
        )
        yield Check("trust", True, detail)


def contract_prices(project: Path) -> Iterator[Check]:
    """Whether an organisation's prices are what Claude Code's spend is reckoned at."""
    for file, told in _settings(project):
        if contract.KEY in told:
            yield Check("prices", True, f"{contract.KEY} of {file} has no effect: Claude Code, and so we, take it from "
                                        "managed settings alone; your own prices belong in prices.toml")  # fmt: skip
    paid = contract.load()
    named = ", ".join(map(str, paid.files))
    if paid.ignored:
        yield Check("prices", False, f"not used, as by Claude Code: {'; '.join(map(shown, paid.ignored))}",
                    "whoever administrates this machine can mend the file")  # fmt: skip
    elif paid:
        yield Check("prices", True, f"{contract.KEY} of {named}: what Claude Code uses is priced by it "
                                    f"({float(paid.multiplier):g} x, {len(paid.rows)} models of its own)")  # fmt: skip


def _settings(project: Path, *more: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in (*settings_files(project), *more):
        try:
            told = json.loads(files.read(str(file)).decode("utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            continue  # what is wrong with it is another check's finding
        if isinstance(told, dict):
            yield file, told


CHECKS: tuple[Callable[[Path], Iterator[Check]], ...] = (
    _program,
    client_checks.settings_json_check,
    client_checks.wiring_check,
    client_checks.on_failure_check,
    client_checks.hook_files_check,
    client_checks.switched_off_check,
    trust,
    client_checks.without_effect_check,
    client_checks.server_check,
    _own_files,
    _without_effect,
    _paid,
    _snapshot,
    _ledger,
    folders,
    understood,
    kept_history,
    contract_prices,
    _alerts,
)
