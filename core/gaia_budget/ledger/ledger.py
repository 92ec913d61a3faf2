"""The ledger: one record of spend, on one machine (SQLite) or for a team (PostgreSQL)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gaia_budget import places
from gaia_budget.ledger import bookmarks as marks
from gaia_budget.ledger import questions, record, sessions
from gaia_budget.ledger.alerting import Alerting
from gaia_budget.ledger.budgeting import Budgeting
from gaia_budget.ledger.budgets import charge
from gaia_budget.ledger.database import PATIENCE_SECONDS, Database
from gaia_budget.ledger.failures import UnfitTextError
from gaia_budget.ledger.migrations import migrate
from gaia_budget.ledger.months import MonthSpend
from gaia_budget.ledger.months import months as sums_of_month
from gaia_budget.ledger.notes import Notes
from gaia_budget.ledger.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gaia_budget.ledger.bookmarks import Bookmark
    from gaia_budget.ledger.database import Transaction
    from gaia_budget.ledger.record import Recorded
    from gaia_budget.ledger.zone import When
    from gaia_budget.model import Event
    from gaia_budget.settings import Settings


class Ledger(Budgeting, Alerting, Notes):
    """One organisation's record of spend. Safe for threads and for many processes at once.

    All times are UTC microseconds since the epoch; all money is integer nano-dollars.
    """

    @classmethod
    def open(
        cls, url: str | None = None, *, settings: Settings | None = None, patience_s: float = PATIENCE_SECONDS
    ) -> Self:
        """Open the ledger of a URL, else of the setting `db`, else `ledger.db` in the state folder.

        `patience_s` is how long it waits for others that keep it locked.

        Creates and migrates it as needed. Raises InputError for a wrong URL, LedgerError when it cannot be used.
        """
        if settings is None:
            from gaia_budget.settings import load

            settings = load()
        db = Database(parse_url(url or settings.db or _default_url()), patience_s)
        try:
            _prepare_file(db)
            db.check()
            migrate(db, places.home() / "backups")
            return cls(db, settings)
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, events: Iterable[Event], *, bookmarks: Mapping[str, Bookmark] | None = None) -> Recorded:
        """Take events in, in one transaction with the bookmarks of the sources they came from.

        A fact with a known (org, event_id) completes the row that is there: larger figures, names where there
        were none, the earlier instant. The order of sightings does not matter. Raises InputError for a row that
        breaks the rules of the schema (then nothing is written), LedgerError when the database cannot be used.
        """
        found = list(events)
        try:
            return self._take_in(found, bookmarks or {})
        except (UnicodeError, UnfitTextError):
            return self._take_in([record.fit(event) for event in found], bookmarks or {})

    def _take_in(self, events: list[Event], moved: Mapping[str, Bookmark]) -> Recorded:
        def work(tx: Transaction) -> Recorded:
            recorded, charges = record.take_in(tx, self.zone, events)
            charge(tx, charges)
            self._set_bookmarks(tx, moved)
            return recorded

        return self.db.write(work)

    def has_any(self, event_ids: Iterable[str]) -> bool:
        """Whether one of these events is there."""
        ids = list(event_ids)
        sql = f"SELECT 1 FROM events WHERE org = ? AND event_id IN ({', '.join('?' * len(ids))})"  # noqa: S608
        return bool(ids) and bool(self.db.ask(lambda ask: ask(sql, (self.org, *ids))))

    def bookmark(self, source: str) -> Bookmark | None:
        """How far a source of this machine has been taken in; None for a new one."""
        return self.bookmarks([source]).get(source)

    def bookmarks(self, sources: Iterable[str]) -> dict[str, Bookmark]:
        """The bookmarks of these sources of this machine; new sources are absent."""
        names = {self.source_key(name): name for name in sources}
        found = self.db.ask(lambda ask: marks.fetch(ask, self.org, self.machine, names))
        return {names[key]: mark for key, mark in found.items() if key in names}

    def _set_bookmarks(self, tx: Transaction, moved: Mapping[str, Bookmark]) -> None:
        by_key = {self.source_key(name): mark for name, mark in moved.items()}
        marks.move(tx, self.org, self.machine, by_key)

    def source_key(self, source: str) -> str:
        """Paths stay on the machine: a shared database sees their hash."""
        return (
            hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
            if self.db.shared
            else source
        )

    def spend(
        self,
        by: Sequence[str] = ("module",),
        since: When = None,
        until: When = None,
        module: str | None = None,
        session: str | None = None,
    ) -> questions.Spend:
        """What was spent in [since, until), by one or more axes. Raises InputError for an unknown axis or time."""
        asked = questions.Range(self.org, self.instant(since), self.instant(until, end=True), module, session)
        return self.db.ask(lambda ask: questions.spend(ask, self.zone, asked, by))

    def session(self, session_id: str) -> sessions.SessionSpend | None:
        """A session's spend, or None where the ledger knows nothing of it."""
        return self.db.ask(lambda ask: sessions.session(ask, self.org, session_id))

    def latest_session(self, module: str | None = None) -> str | None:
        """The session with the newest event, of one module or of all."""
        return self.db.ask(lambda ask: sessions.latest_session(ask, self.org, module))

    def recent_sessions(self) -> list[str]:
        """The sessions that spent last, the newest first; a few."""
        return self.db.ask(lambda ask: sessions.recent_sessions(ask, self.org))

    def sessions_between(
        self, since: When = None, until: When = None, module: str | None = None
    ) -> list[str]:
        """The sessions that spent something in [since, until), the newest first; of one module or of all."""
        start, end = self.instant(since), self.instant(until, end=True)
        return self.db.ask(lambda ask: questions.sessions_between(ask, self.org, start, end, module))

    def sessions_named(self, beginning: str) -> list[str]:
        """A few sessions whose ids begin so."""
        return self.db.ask(lambda ask: questions.sessions_named(ask, self.org, beginning))

    def responses(self, session_id: str, most: int) -> list[questions.Response]:
        """The newest events of a session."""
        return self.db.ask(lambda ask: questions.responses(ask, self.org, session_id, most))

    def month(self, module: str, at: When = None) -> MonthSpend:
        """The calendar month of a module that an instant falls in (default: now), in the ledger's time zone."""
        return self._months(at, module)[module]

    def months(self, at: When = None) -> dict[str, MonthSpend]:
        """The same of every module that spent or reserved something in that month."""
        return self._months(at, None)

    def _months(self, at: When, module: str | None) -> dict[str, MonthSpend]:
        ts = self.instant(at)
        number = questions.bucket(self.zone, "month", self.now() if ts is None else ts)
        return self.db.ask(lambda ask: sums_of_month(ask, self.zone, self.org, number, module))


def _default_url() -> str:
    return f"sqlite:///{(places.ensure_home() / 'ledger.db').as_posix()}"


def _prepare_file(db: Database) -> None:
    """Make the file of an embedded ledger private, and let readers and the writer work side by side."""
    if db.shared:
        return
    path = Path(db.address.file)
    if not path.exists() and path.parent.is_dir():
        path.touch(mode=0o600)
        db.keep_log()
