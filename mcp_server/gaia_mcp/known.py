"""What the tools know: settings, the owner's files and the ledger, each read again when its file has changed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gaia_budget import places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.reading import Reader
    from gaia_budget.owner import Registry, TokenBudget
    from gaia_budget.settings import Settings

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A value made from files; made anew when one of them has changed. An error is not kept."""

    def __init__(self, make: Callable[[], Value], files: Callable[[], Iterable[Path]]) -> None:
        self._make, self._files = make, files
        self._lock = threading.Lock()
        self._seen: list[Any] = []
        self._value: Value | None = None

    def get(self) -> Value:
        """The value as the files have it now."""
        seen = [mark(file) for file in self._files()]
        with self._lock:
            if self._value is None or seen != self._seen:
                self._value = None
                self._value = self._make()
                self._seen = seen
            return self._value


def mark(file: Path) -> tuple[str, int, int, int]:
    """What changes with a file: its path, identity, size and time of change; zeros where there is none."""
    try:
        status = file.stat()
    except OSError:
        return (str(file), 0, 0, 0)
    return (str(file), status.st_ino, status.st_size, status.st_mtime_ns)


def _load_settings() -> Settings:
    from gaia_budget.settings import load

    return load()


def _load_budget() -> TokenBudget:
    from gaia_budget.owner import load_token_budget

    return load_token_budget()


def _load_registry() -> Registry:
    from gaia_budget.owner import load_registry

    return load_registry()


def _owned(name: str) -> list[Path]:
    root = places.gaia_root()
    return [places.settings_file(), *([root / name] if root else [])]


settings = Kept(_load_settings, lambda: [places.settings_file()])
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
        self._seen: Any = None

    def get(self) -> Reader | Ledger:
        """The ledger that the settings name, opened anew when it was replaced. Raises LedgerError, ConfigError."""
        from gaia_budget.ledger.reading import Reader, embedded_file

        chosen = settings.get()
        file = embedded_file(chosen)
        seen = (id(chosen), None if file is None else mark(file)[:2])
        with self._lock:
            if self._open is None or seen != self._seen:
                if self._open is not None:
                    self._open.close()
                    self._open = None
                self._open = _server(chosen) if file is None else Reader(file, chosen)
                self._seen = seen
            return self._open


def _server(chosen: Settings) -> Ledger:
    """The ledger of a team, which needs the database library."""
    from gaia_budget.ledger import Ledger

    return Ledger.open(settings=chosen)


book = Book()
