"""What a database's own errors mean: which of them pass, and in words how to mend the others."""

from __future__ import annotations

import re
import sqlite3

from gaia_budget.errors import InputError, LedgerError

RETRIED_STATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock
LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
NOT_LET_IN = (
    (re.compile(r'FATAL: +database ".*" does not exist'), "3D000"),
    (
        re.compile(
            r'FATAL: +(password authentication failed|role ".*" does not exist|no pg_hba\.conf entry)'
        ),
        "28000",
    ),
)
"""What a server says to whoever it does not let in: the driver tells the words alone, not the state."""


class UnfitTextError(InputError):
    """Text with signs that PostgreSQL cannot hold."""


class DamagedError(LedgerError):
    """The file is damaged, or is no ledger."""


class ReadOnlyError(LedgerError):
    """The ledger may only be read."""


KINDS = {"ledger-damaged": DamagedError, "ledger-read-only": ReadOnlyError}


def of_driver(error: BaseException) -> Exception | None:
    """The driver's error behind an exception, if it is one."""
    if isinstance(error, sqlite3.Error):
        return error
    return error if type(error).__module__.startswith("psycopg") and isinstance(error, Exception) else None


def passes(problem: Exception) -> bool:
    """Whether the same transaction may succeed in a moment."""
    if isinstance(problem, sqlite3.Error):
        return getattr(problem, "sqlite_errorname", "").startswith(LOCKED)
    return _state(problem) in RETRIED_STATES or lost(problem)


def lost(problem: Exception) -> bool:
    """Whether PostgreSQL went away, or is not there yet: classes 08 and 57P, or no state at all."""
    if isinstance(problem, sqlite3.Error):
        return False
    state = _state(problem)
    if not state:
        return type(problem).__name__ == "OperationalError"
    return state.startswith(("08", "57P"))


def _state(problem: Exception) -> str:
    """What kind of error it is, by PostgreSQL's code or SQLite's name; empty where nobody tells."""
    told = getattr(problem, "sqlstate", None) or getattr(problem, "sqlite_errorname", None)
    if told:
        return str(told)
    words = "" if isinstance(problem, sqlite3.Error) else str(problem)
    return next((state for pattern, state in NOT_LET_IN if pattern.search(words)), "")


def explained(problem: Exception, name: str) -> Exception:
    """A driver's error in words that say what is wrong and how to mend it; never with values or passwords."""
    state = _state(problem)
    said = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
    for prefixes, slug, text in CURES:
        if state.startswith(prefixes):
            return KINDS.get(slug, LedgerError)(f"{name}: {text}", slug=slug)
    if not state and type(problem).__name__ == "DataError":
        return UnfitTextError("the ledger refused a text with a NUL sign in it", slug="ledger-refused")
    if isinstance(problem, sqlite3.IntegrityError) or state.startswith(("22", "23")):
        return InputError(
            f"the ledger refused a row ({state}): {said.split('DETAIL')[0]}", slug="ledger-refused"
        )
    return LedgerError(f"{name}: {said}", slug="ledger-unusable")


CURES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        LOCKED,
        "ledger-locked",
        "another process has kept the ledger locked for too long. Nothing was written; end that process, or try "
        "again",
    ),
    (
        ("SQLITE_READONLY",),
        "ledger-read-only",
        "the ledger is read-only. Give yourself write access to the file and its folder",
    ),
    (
        ("SQLITE_FULL", "53100"),
        "ledger-disk",
        "the disk is full. Nothing was written; make room and try again",
    ),
    (
        ("SQLITE_CANTOPEN",),
        "ledger-cannot-open",
        "cannot open the file. Its folder must exist and be writable, and the file be yours to read",
    ),
    (
        ("SQLITE_NOTADB", "SQLITE_CORRUPT"),
        "ledger-damaged",
        "the file is damaged or is no ledger. Move it away; `gaia-budget ingest` makes a new one from the "
        "transcripts and logs, and backups/ holds the copies made before upgrades",
    ),
    (("SQLITE_IOERR",), "ledger-disk", "the disk reported an error. Nothing was written; check the disk"),
    (("28",), "ledger-refused-user", "the server refused the user or password of the database URL"),
    (("3D",), "ledger-no-database", "there is no such database on the server. Create it with createdb"),
    (
        ("42501",),
        "ledger-refused-user",
        "this database user may not do that. Grant it the rights on the schema",
    ),
    (
        ("25006",),
        "ledger-read-only",
        "the server is read-only (a standby?). Point the database URL to the primary",
    ),
)
