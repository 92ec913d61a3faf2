"""What `doctor` says of the counting: what is not understood, what the client prices otherwise, what it deletes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.errors import ConfigError
from gaia_budget.prices import contract
from gaia_budget.setup.checks import noted
from gaia_budget.setup.checks.client_checks import Check, settings_files
from gaia_hooks.facts.names import shown
from gaia_hooks.machine import files
from gaia_hooks.session import sessions, state

if TYPE_CHECKING:
    from collections.abc import Iterator

# Claude's desktop app gives each local session a configuration folder of its own, named by two ids and its own.
APPS = tuple(
    f"~/{data}/Claude/local-agent-mode-sessions/*/*/local_*/.claude"
    for data in ("Library/Application Support", "AppData/Roaming", ".config",
                 "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming")
)  # fmt: skip
KEPT_DAYS = 30  # how long Claude Code keeps transcripts where nothing else is set


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
