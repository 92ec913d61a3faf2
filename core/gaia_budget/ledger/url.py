"""The URL of a ledger's database. It may hold a password, so no message repeats it."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from gaia_budget.errors import InputError, LedgerError

VALID = "Valid: sqlite:///<path to a file>, postgresql://<user>@<host>/<database>"
NO_DRIVER = 'PostgreSQL needs its driver: install "gaia-token-budget[postgres]"'


def parse_url(text: str) -> URL:
    """A database URL. Raises InputError, which never repeats the URL, LedgerError without the driver."""
    try:
        url = make_url(
            text.replace("postgres://", "postgresql://", 1) if text.startswith("postgres://") else text
        )
        backend = url.get_backend_name()
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise InputError(f"the database URL (setting db, GAIA_BUDGET_DB) cannot be read. {VALID}") from None
    except ModuleNotFoundError:
        raise LedgerError(NO_DRIVER) from None
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and not url.database):
        raise InputError(f"the database URL (setting db, GAIA_BUDGET_DB) names {backend}. {VALID}")
    if backend == "postgresql" and url.get_driver_name() != "psycopg":
        url = url.set(drivername="postgresql+psycopg")
    return url
