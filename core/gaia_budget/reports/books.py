"""The books, opened once for whoever asks: settings, the owner's files, and the ledger with what is new taken in.

Every question of this package is a function of one `Books`, and answers as of its instant. It is made at the edge of
the program (a command, a tool of the server, a web request); nothing below reads environment or files by itself.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gaia_budget import owner, places
from gaia_budget.budgets import Budgets
from gaia_budget.errors import ConfigError, InputError, LedgerError, NotFoundError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.database.connection import PATIENCE_SECONDS
from gaia_budget.reports.asked import module_named, nearest
from gaia_hooks.facts import modules, snapshot
from gaia_hooks.session import state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaia_budget.budgets.overrides import Override
    from gaia_budget.owner import Registry, TokenBudget
    from gaia_budget.settings.keys import Settings

    Progress = Callable[[int, int], None] | None


@dataclass(frozen=True)
class Here:
    """Where the question is asked: the running Claude Code session (empty: none) and the project's folder."""

    session_id: str
    folder: str


def here() -> Here:
    """As Claude Code's environment says, else the working directory alone."""
    named = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    folder = os.environ.get("CLAUDE_PROJECT_DIR") or str(Path.cwd())
    return Here(named if state.is_session_id(named) else "", folder)


@dataclass
class Books:
    """All that a question is answered from. `notes` says in words what the figures may lack.

    Raises ConfigError where a broken file of the owner's is asked for.
    """

    settings: Settings
    ledger: Ledger
    here: Here
    now: int
    """The instant of the answers, in UTC microseconds."""
    notes: list[str] = field(default_factory=list)

    @cached_property
    def home(self) -> str:
        """Our state folder."""
        return str(places.home())

    @cached_property
    def budget(self) -> TokenBudget:
        """The owner's limits."""
        return owner.load_token_budget()

    @cached_property
    def registry(self) -> Registry:
        """The owner's modules."""
        return owner.load_registry()

    @cached_property
    def policy(self) -> dict[str, object]:
        """What hooks decide by."""
        return snapshot.load(self.home)

    @cached_property
    def module_here(self) -> str:
        """The module of the folder that the question is asked in."""
        return modules.module_of(self.here.folder, self.registry.roots())

    def limit_nano(self, module: str) -> int:
        """A module's monthly cap in nano-dollars."""
        return self.budget.module_or_default(module, self.settings).limit_nano

    def counts_claude_code(self, module: str) -> bool:
        """Whether a module's cap counts Claude Code's spend."""
        return self.settings.module(module).counts_claude_code

    @cached_property
    def overrides(self) -> list[Override]:
        """What is granted on top at this time."""
        return Budgets(self.ledger).active_overrides()

    def module(self, name: str) -> str:
        """The module that a user means, the one of this folder among them. Raises NotFoundError with the nearest."""
        wanted = name.strip().lower()
        return wanted if wanted == self.module_here else module_named(self.ledger, wanted)

    def session_id(self, words: str) -> str:
        """The session that a user means by its id or the id's beginning.

        Raises NotFoundError, which offers the nearest, InputError where several begin so.
        """
        if words and words == self.here.session_id:
            return words  # it runs, whether or not anybody has heard of it yet
        spent = self.ledger.sessions_named(words) if words else []
        known = sorted({*spent, *(one for one in self._watched() if words and one.startswith(words))})
        if words in known:
            return words
        if len(known) > 1:
            raise InputError(
                f"several sessions begin with {words!r}: {', '.join(known[:5])}. Give more letters",
                slug="not-one",
            )
        if not known:
            raise self.no_session(words)
        return known[0]

    def no_session(self, words: str) -> NotFoundError:
        """The error for a session that nobody knows: it offers the nearest, else the last ones."""
        last = self.ledger.recent_sessions()
        near = nearest(words, [*last, *self._watched()])
        beside = "" if near else f"The last ones: {', '.join(last) or 'none yet'}. "
        return NotFoundError("session", words, near, cure=beside + ALL_SESSIONS)

    def _watched(self) -> list[str]:
        from gaia_hooks.session import sessions

        return sessions.ids(self.home)


ALL_SESSIONS = "`gaia-budget sessions` shows all."


@contextmanager
def opened(
    settings: Settings | None = None,
    progress: Progress = None,
    where: Here | None = None,
    *,
    patience_s: float = PATIENCE_SECONDS,
) -> Iterator[Books]:
    """The books, with everything new of transcripts and logs taken in first, and told to the hooks.

    Where that cannot be, such as in a ledger that may only be read, they answer as they are, and `notes` says so.
    `patience_s` is how long they wait for a ledger that others keep locked.
    Raises LedgerError when there is no ledger to be had, ConfigError for broken settings.
    """
    if settings is None:
        from gaia_budget.settings import load

        settings = load()
    with Ledger.open(settings=settings, patience_s=patience_s) as ledger:
        notes = _refresh(settings, ledger, progress)
        yield Books(settings, ledger, where or here(), ledger.now(), notes)


def _refresh(settings: Settings, ledger: Ledger, progress: Progress) -> list[str]:
    from gaia_budget.ingest.run import refresh

    try:
        report = refresh(settings, ledger, progress)
    except (ConfigError, LedgerError, OSError) as error:
        return [f"these figures may lack what is newest: {error}"]
    if report.skipped:
        return [f"{len(report.skipped)} lines or files were skipped; `gaia-budget ingest` names them"]
    return []
