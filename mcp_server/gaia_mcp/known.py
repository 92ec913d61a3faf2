"""What the tools know: settings, the owner's files and the ledger, each read again when its file has changed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from gaia_hooks import files, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.reading import Reader
    from gaia_budget.owner import Registry, TokenBudget
    from gaia_budget.settings import Settings

Value = TypeVar("Value")
Mark = tuple[str, int, int, int]


class Kept(Generic[Value]):
    """A value made from files; made anew when one of them has changed. An error is not kept."""

    def __init__(self, make: Callable[[], Value], paths: Callable[[], Iterable[str]]) -> None:
        self._make, self._paths = make, paths
        self._lock = threading.Lock()
        self._seen: list[Mark] = []
        self._value: Value | None = None

    def get(self) -> Value:
        """The value as the files have it now."""
        seen = [mark(path) for path in self._paths()]
        with self._lock:
            if self._value is None or seen != self._seen:
                self._value = None
                self._value = self._make()
                self._seen = seen
            return self._value


def mark(path: str) -> Mark:
    """What changes with a file: its path, identity, size and time of change; zeros where there is none.

    Paths are text here and not `Path`: each `Path` puts its parts into the interpreter's table of strings, which
    over 100,000 calls shows in the server's memory.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 (see above)
    except OSError:
        return (path, 0, 0, 0)
    return (path, status.st_ino, status.st_size, status.st_mtime_ns)


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


def _owned(name: str) -> list[str]:
    root = os.environ.get("GAIA_ROOT") or settings.get().gaia_root
    return [_settings_path(), *([f"{root}/{name}"] if root else [])]


settings = Kept(_load_settings, lambda: [_settings_path()])
"""The user's settings. Raises ConfigError."""
budget = Kept(_load_budget, lambda: _owned("token_budget.json"))
"""The owner's budgets. Raises ConfigError."""
registry = Kept(_load_registry, lambda: _owned("registry.json"))
"""The owner's modules. Raises ConfigError."""


class Book:
    """The ledger, open for questions: read with the standard library where it is a file of this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Reader | Ledger | None = None
        self._settings: Settings | None = None
        self._path, self._identity = "", 0

    def get(self) -> Reader | Ledger:
        """The ledger that the settings name, opened anew when it was replaced. Raises LedgerError, ConfigError."""
        chosen = settings.get()
        with self._lock:
            same = chosen is self._settings and (not self._path or mark(self._path)[1] == self._identity)
            if self._open is None or not same:
                self._reopen(chosen)
            assert self._open is not None
            return self._open

    def _reopen(self, chosen: Settings) -> None:
        from gaia_budget.ledger.reading import Reader, embedded_file

        if self._open is not None:
            self._open.close()
            self._open = None
        file = embedded_file(chosen)
        self._settings, self._path = chosen, str(file) if file else ""
        self._identity = mark(self._path)[1]
        self._open = Reader(file, chosen) if file else _server(chosen)


def _server(chosen: Settings) -> Ledger:
    """The ledger of a team, which needs the database library."""
    from gaia_budget.ledger import Ledger

    return Ledger.open(settings=chosen)


book = Book()
