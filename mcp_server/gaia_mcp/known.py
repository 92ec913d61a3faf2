"""What the tools know: settings, the owner's files and the ledger, each read again when its file has changed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

from gaia_hooks.facts import places
from gaia_hooks.machine import files
from gaia_mcp.kept import Answers, Kept, mark, minute

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.reading import Reader
    from gaia_budget.owner import Registry, TokenBudget
    from gaia_budget.settings import Settings

Value = TypeVar("Value")


def _load_settings() -> Settings:
    from gaia_budget.settings import load

    return load()


def _load_budget() -> TokenBudget:
    from gaia_budget.owner import load_token_budget

    return load_token_budget()


def _load_registry() -> Registry:
    from gaia_budget.owner import load_registry

    return load_registry()


def _settings_path() -> str:
    return files.join(places.home(), "settings.toml")


def owned(name: str) -> list[str]:
    """The files that decide what one of the owner's files is: the settings, and that file where there is one."""
    root = os.environ.get("GAIA_ROOT") or settings.get().gaia_root
    return [_settings_path(), *([f"{root}/{name}"] if root else [])]


settings = Kept(_load_settings, lambda: [_settings_path()])
"""The user's settings. Raises ConfigError."""
budget = Kept(_load_budget, lambda: owned("token_budget.json"))
"""The owner's budgets. Raises ConfigError."""
registry = Kept(_load_registry, lambda: owned("registry.json"))
"""The owner's modules. Raises ConfigError."""


class Book:
    """The ledger, open for questions: read with the standard library where it is a file of this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Reader | Ledger | None = None
        self._version: Callable[[], tuple[int, int]] | None = None
        self._times_opened = 0
        self._settings: Settings | None = None
        self._path, self._identity = "", 0
        self._answers = Answers()

    def get(self) -> Reader | Ledger:
        """The ledger that the settings name, opened anew when it was replaced. Raises LedgerError, ConfigError."""
        return self._current()[0]

    def answer(self, question: Hashable, ask: Callable[[Reader | Ledger], Value]) -> Value:
        """What the ledger says, asked again when something was written to it or a minute has passed.

        A team's server is asked each time. Raises LedgerError, ConfigError and what `ask` raises.
        """
        ledger, version = self._current()
        stamp = (version(), minute()) if version else None
        return self._answers.get(question, stamp, lambda: ask(ledger))

    def stamp(self) -> Hashable:
        """What changes when the ledger does; a team's is taken to change all the time. Raises as `get`."""
        version = self._current()[1]
        return version() if version else object()

    def _current(self) -> tuple[Reader | Ledger, Callable[[], tuple[int, int]] | None]:
        chosen = settings.get()
        with self._lock:
            same = chosen is self._settings and (not self._path or mark(self._path)[1] == self._identity)
            if self._open is None or not same:
                self._reopen(chosen)
            assert self._open is not None
            return self._open, self._version

    def _reopen(self, chosen: Settings) -> None:
        from gaia_budget.ledger.reading import Reader, embedded_file

        if self._open is not None:
            self._open.close()
            self._open = self._version = None
        file = embedded_file(chosen)
        self._settings, self._path = chosen, str(file) if file else ""
        self._identity = mark(self._path)[1]
        self._times_opened += 1
        if file:
            opened, reader = self._times_opened, Reader(file, chosen)
            self._open, self._version = reader, lambda: (opened, reader.version())
        else:
            self._open = _server(chosen)


def _server(chosen: Settings) -> Ledger:
    """The ledger of a team, which needs the database library."""
    from gaia_budget.ledger import Ledger

    return Ledger.open(settings=chosen)


book = Book()
