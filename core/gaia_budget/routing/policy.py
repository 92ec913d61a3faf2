"""What a recommendation must know of modules and sessions.

It is read from the hooks' snapshot, in milliseconds, where that is newer than the files it was made from; else
from the owner's files and the settings themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.errors import NotFoundError
from gaia_hooks.facts import snapshot
from gaia_hooks.machine import clock
from gaia_hooks.session import months

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Module(NamedTuple):
    """A module's rules and its month. `models` is empty where all are allowed; money in nano-dollars."""

    name: str
    provider: str = ""
    models: tuple[str, ...] = ()
    on_exceeded: str = "warn"
    alert_percent: float = 80
    spent_nano: int | None = None
    limit_nano: int | None = None
    known: bool = True  # it has an entry of its own

    @property
    def percent(self) -> float | None:
        """Share of the month's cap that is spent, cut to hundredths; None while nothing is known of it."""
        if self.spent_nano is None or not self.limit_nano:
            return None
        return self.spent_nano * 10_000 // self.limit_nano / 100


class Policies(NamedTuple):
    """All modules that have an entry, the models of each session type, and remarks for the reader.

    `model_routing` is what the owner's file says there, empty where it says nothing (`gaia_budget.routing.wishes`).
    """

    modules: Mapping[str, Module]
    sessions: Mapping[str, Sequence[str]]
    source: str = "token_budget.json"
    notices: Sequence[str] = ()
    model_routing: Mapping[str, str | Sequence[str]] = {}

    def module(self, name: str) -> Module:
        """A module's policy; the default policy, with every model allowed, where it has no entry."""
        return self.modules.get(name.strip().lower()) or Module(name.strip().lower(), known=False)

    def session_models(self, session_type: str) -> Sequence[str]:
        """The models that a session type is meant for. Raises NotFoundError."""
        if session_type not in self.sessions:
            raise NotFoundError("session type", session_type, sorted(self.sessions))
        return self.sessions[session_type]


def built_in() -> Policies:
    """What holds where no file can be read: no module, and the owner's published session types."""
    return Policies({}, {name: entry["models"] for name, entry in snapshot.DEFAULTS["session_types"].items()})


def load() -> Policies:
    """The policies in force. Raises ConfigError where a file of the owner's or the user's is wrong."""
    stored = snapshot.load(str(places.home()))
    root = places.gaia_root()
    file = root / "token_budget.json" if root else None
    return _from_snapshot(stored, file) if _is_fresh(stored, file) else _from_files(stored)


def _is_fresh(stored: dict[str, Any], file: Path | None) -> bool:
    present = file is not None and file.is_file()
    if stored.get("token_budget") != (str(file) if present else "") or "model_routing" not in stored:
        return False
    changed = [one.stat().st_mtime_ns for one in (file, places.settings_file()) if one and one.is_file()]
    return all(moment < stored["written_at"] * 1_000 for moment in changed)


def _from_snapshot(stored: dict[str, Any], file: Path | None) -> Policies:
    modules = {}
    for name, entry in stored["modules"].items():
        if entry.get("listed"):
            modules[name] = Module(
                name,
                entry["provider"],
                tuple(entry["models"]),
                entry["on_exceeded"],
                entry["alert_percent"],
                *_month(stored, name, entry["limit_nano"]),
            )
    sessions = {name: entry["models"] for name, entry in stored["session_types"].items()}
    source = str(file or "token_budget.json")
    return Policies(modules, sessions, source, tuple(stored["problems"]), stored["model_routing"])


def _from_files(stored: dict[str, Any]) -> Policies:
    from gaia_budget import owner, settings

    budget, chosen = owner.load_token_budget(), settings.load()
    modules = {
        name.lower(): Module(
            name.lower(),
            entry.provider,
            tuple(entry.models),
            chosen.module(name).on_exceeded,
            float(entry.alert_threshold_pct),
            *_month(stored, name.lower(), entry.limit_nano),
        )
        for name, entry in budget.per_module.items()
    }
    sessions = {name: entry.models for name, entry in budget.defaults.session_budgets.items()}
    notices = () if budget.file else tuple(budget.notices)
    source = str(budget.file or "token_budget.json")
    return Policies(modules, sessions, source, notices, budget.defaults.routing_asked)


def _month(stored: dict[str, Any], name: str, limit_nano: int) -> tuple[int | None, int]:
    """What the month has spent, as far as the last ingest and the hooks since then have counted it."""
    if "spent_nano" not in stored["modules"].get(name, {}):
        return None, limit_nano
    return months.MonthFile(str(places.home()), name, stored, clock.now()).spent, limit_nano
