"""`doctor`: what is wired, what enforces nothing and why, what is stale. It looks; it changes nothing."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from gaia_budget import contradictions, owner, places, settings
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.settings.keys import Settings
from gaia_budget.setup.checks import client_checks, counting_checks
from gaia_budget.setup.checks.client_checks import Check
from gaia_hooks.facts import session_types, snapshot
from gaia_hooks.facts.prices.billing import AUTO, UNKNOWN
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_QUOTE = '\\"' if os.name == "nt" else '"'  # Windows PowerShell takes plain quotes out of what it passes on
RESCUE = f"claude --settings '{{{_QUOTE}disableAllHooks{_QUOTE}:true}}'"
STALE_MICROS = 24 * 3600 * clock.MICRO


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
            missing = places.gaia_root() is not None and not isinstance(loaded, Settings) and not loaded.file
            if missing:
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
    counted = any(chosen.module(name).counts_claude_code for name in ("", *chosen.modules))
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
    from gaia_budget.settings import load

    try:
        with Ledger.open(settings=load()) as ledger:
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


CHECKS: tuple[Callable[[Path], Iterator[Check]], ...] = (
    _program,
    client_checks.settings_json_check,
    client_checks.wiring_check,
    client_checks.on_failure_check,
    client_checks.hook_files_check,
    client_checks.switched_off_check,
    counting_checks.trust,
    client_checks.without_effect_check,
    client_checks.server_check,
    _own_files,
    _without_effect,
    _paid,
    _snapshot,
    _ledger,
    counting_checks.folders,
    counting_checks.understood,
    counting_checks.kept_history,
    counting_checks.contract_prices,
    _alerts,
)
