"""Which sections sessions really load: kept on this machine, and what follows from it for L1."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_claude_md.files import finding
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.plan.selection import Decision

FEWEST_SESSIONS = 5
PROMOTED_PERCENT = 50
NEVER_DEMOTED = {"rules", "prohibitions", "gaia", "subagents"}


@dataclass(frozen=True, slots=True)
class Load:
    """One section that one session loaded."""

    at: datetime
    slug: str
    session: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A section that would better be in L1 (`promote`), or out of it; `why` has the figures."""

    slug: str
    promote: bool
    why: str


def record(path: Path | str, slug: str, session: str) -> None:
    """Note that a session loaded a section, for `savings`: best effort, as the section itself matters more."""
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "path": str(places.real(finding.locate(path))),
        "slug": slug,
        "session": session,
    }
    with suppress(OSError):
        files.append(str(place()), json.dumps(entry).encode() + b"\n")


def loads(path: Path | str, days: int) -> list[Load]:
    """The loads of a file in the last days, oldest first. Torn lines are left out."""
    file, wanted = place(), str(places.real(finding.locate(path)))
    since = datetime.now(UTC) - timedelta(days=days)
    found = []
    for line in file.read_text("utf-8").splitlines() if file.exists() else []:
        try:
            entry = json.loads(line)
            load = Load(datetime.fromisoformat(entry["at"]), str(entry["slug"]), str(entry["session"]))
        except (ValueError, KeyError, TypeError):
            continue
        if entry.get("path") == wanted and load.at >= since:
            found.append(load)
    return found


def suggestions(
    found: list[Load], sessions: int, listed: list[Section], decisions: list[Decision]
) -> list[Suggestion]:
    """What the loads of some sessions say: sections that half of them load, and L1 text whose section none does.

    `sessions` counts all sessions of the period. Too few say nothing.
    """
    sessions = max(sessions, len({load.session for load in found}))
    if sessions < FEWEST_SESSIONS:
        return []
    rows = []
    for section in listed:
        loading = len({load.session for load in found if load.slug == section.slug})
        inside = [d for d in decisions if d.in_l1 and section.start <= d.scored.unit.start < section.end]
        if loading * 100 >= sessions * PROMOTED_PERCENT:
            size = f"{section.lines} lines, about {section.tokens} tokens"
            why = f"{loading} of {sessions} sessions loaded it; it is {size}"
            rows.append(Suggestion(section.slug, True, why))
        elif not loading and inside and not any(_needed(d) for d in inside):
            lines = sum(d.scored.unit.end - d.scored.unit.start for d in inside)
            tokens = sum(section.tokens_of(d.scored.unit.start, d.scored.unit.end) for d in inside)
            why = f"none of {sessions} sessions loaded the rest of it; {lines} lines, about {tokens} tokens are in L1"
            rows.append(Suggestion(section.slug, False, why))
    return rows


def _needed(decision: Decision) -> bool:
    return decision.scored.unit.forced or decision.scored.topic in NEVER_DEMOTED


def place() -> Path:
    """Where loads of all files are noted."""
    return places.home() / "claude-md" / "loads.jsonl"
