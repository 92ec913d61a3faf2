"""The ledger: one record of spend, on one machine (SQLite) or for a team (PostgreSQL)."""

from __future__ import annotations

import uuid
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from gaia_budget.errors import InputError
from gaia_budget.ledger import bookmarks as marks
from gaia_budget.ledger import outcomes, questions, record, sessions, sightings
from gaia_budget.ledger.charges import charge
from gaia_budget.ledger.database.connection import PATIENCE_SECONDS, Database
from gaia_budget.ledger.database.failures import ReadOnlyError, UnfitTextError
from gaia_budget.ledger.database.migrations import migrate
from gaia_budget.ledger.database.read_cache import ReadCache
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.sums import resum
from gaia_budget.ledger.zone import Zone
from gaia_hooks.machine import clock as machine_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gaia_budget.ledger.bookmarks import Bookmark
    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.record import Recorded
    from gaia_budget.ledger.zone import When
    from gaia_budget.model import Event
    from gaia_budget.settings.keys import Settings

FIND_ORG = "SELECT zone, zone_offsets FROM orgs WHERE org = ?"
ADD_ORG = "INSERT INTO orgs (org, zone, zone_offsets) VALUES (?, ?, ?) ON CONFLICT (org) DO NOTHING"
CHANGE_ZONE = "UPDATE orgs SET zone = ?, zone_offsets = ? WHERE org = ?"


class Ledger:
    """One organisation's record of spend, seen from one machine. Safe for threads and for many processes at once.

    All times are UTC microseconds since the epoch; all money is integer nano-dollars. Money that is held stands in
    `gaia_budget.budgets.Budgets`, alerts in `gaia_budget.alerts.fired.Fired`.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        clock: Callable[[], int] = machine_clock.now,
    ) -> None:
        self.db = db
        self.org = settings.org
        self.machine = settings.machine
        self.folder = settings.state_folder
        self.clock = clock
        self.cache = ReadCache(db.state)
        self.zone = _zone_of(db, settings)

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        settings: Settings,
        patience_s: float = PATIENCE_SECONDS,
        clock: Callable[[], int] = machine_clock.now,
        lean: bool = False,
    ) -> Self:
        """Open the ledger of a URL, else that of the settings.

        `patience_s` is how long it waits for others that keep it locked; with `lean` an embedded one takes little
        memory, for a process that runs all day. Creates and migrates it as needed. Raises
        InputError for a wrong URL, LedgerError when it cannot be used.
        """
        db = Database(parse_url(url or settings.ledger_url), patience_s, lean=lean)
        try:
            _prepare_file(db)
            db.check()
            migrate(db, settings.state_folder / "backups")
            return cls(db, settings, clock)
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self.cache.forget()
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now(self) -> int:
        """This instant in UTC microseconds."""
        return self.clock()

    def in_zone(self, name: str) -> Ledger:
        """This ledger as a place sees it where the time is another: its days and months, for spend and sessions.

        What is held and where months end follow the ledger's own. Raises InputError.
        """
        try:
            zone = Zone(ZoneInfo(name), is_summed=False)
        except (KeyError, ValueError, OSError):
            raise InputError(
                f"zone={name[:40]!r} is no time zone; write it as Europe/Berlin", slug="not-valid"
            ) from None
        if zone.fingerprint() == self.zone.fingerprint():
            return self
        seen = copy(self)
        seen.zone, seen.cache = zone, ReadCache(self.db.state)
        return seen

    def instant(self, when: When, *, end: bool = False) -> int | None:
        """A point in time as a user writes it (see `Zone.instant`)."""
        return self.zone.instant(when, self.now(), end=end)

    def record(
        self,
        events: Iterable[Event],
        *,
        bookmarks: Mapping[str, Bookmark] | None = None,
        gone_s: float | None = None,
        priced_before: bool = False,
    ) -> Recorded:
        """Take events in, in one transaction with the bookmarks of the sources they came from.

        A fact with a known (org, event_id) completes the row that is there: larger figures, names where there
        were none, the earlier instant, the price of the fuller one. The order of sightings does not matter, but for
        two prices of the same tokens: then the later stands, unless it was reckoned before it was read
        (`priced_before`). Raises InputError for a row that breaks the rules of the schema (then nothing is
        written), LedgerError when the database cannot be used: a server that cannot be reached is waited for
        `gone_s`.
        """
        found, moved = list(events), bookmarks or {}
        try:
            return self._take_in(found, moved, gone_s, priced_before)
        except (UnicodeError, UnfitTextError):
            return self._take_in([sightings.fit(event) for event in found], moved, gone_s, priced_before)

    def _take_in(
        self, events: list[Event], moved: Mapping[str, Bookmark], gone_s: float | None, priced_before: bool
    ) -> Recorded:
        by_key = {self.source_key(name): mark for name, mark in moved.items()}

        def work(tx: Transaction) -> Recorded:
            recorded, charges = record.take_in(tx, self.zone, events, priced_before=priced_before)
            charge(tx, charges)
            marks.move(tx, self.org, self.machine, by_key)
            return recorded

        return self.db.write(work, gone_s)

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

    def source_key(self, source: str) -> str:
        """Paths stay on the machine: a shared database sees their hash."""
        return marks.hashed(source) if self.db.shared else source

    def spend(
        self,
        by: Sequence[str] = ("module",),
        since: When = None,
        until: When = None,
        module: str | None = None,
        session: str | None = None,
        where: Mapping[str, str] | None = None,
    ) -> questions.Spend:
        """What was spent in [since, until), by one or more axes, of dimensions alone that are `where` says.

        Raises InputError for an unknown axis or time.
        """
        start, end = self.instant(since), self.instant(until, end=True)
        asked = questions.Range(self.org, start, end, module, session, tuple(sorted((where or {}).items())))

        def read() -> questions.Spend:
            return self.db.ask(lambda ask: questions.spend(ask, self.zone, asked, by))

        # single responses are many, and seldom asked for twice
        return read() if "response" in by else self.cache.of(("spend", asked, tuple(by)), read)

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
        self, since: When = None, until: When = None, where: Mapping[str, str] | None = None
    ) -> list[str]:
        """The sessions that spent something in [since, until), the newest first; where axes have these values."""
        start, end = self.instant(since), self.instant(until, end=True)
        return self.db.ask(lambda ask: sessions.sessions_between(ask, self.org, start, end, where or {}))

    def sessions_named(self, beginning: str) -> list[str]:
        """A few sessions whose ids begin so."""
        return self.db.ask(lambda ask: sessions.sessions_named(ask, self.org, beginning))

    def responses(self, session_id: str, most: int) -> list[sessions.ResponseRow]:
        """The newest events of a session."""
        return self.db.ask(lambda ask: sessions.responses(ask, self.org, session_id, most))

    def record_outcome(
        self,
        task: str,
        model: str,
        ok: bool,
        *,
        module: str = "",
        reason: str = "",
        kind: str = "said",
        ts: int | None = None,
        outcome_id: str = "",
    ) -> None:
        """Remember whether a model sufficed for a task; one that has an id of its own is remembered once."""
        at = self.now() if ts is None else ts
        row = (self.org, outcome_id or uuid.uuid4().hex, at, module, task, model, int(ok), reason, kind)
        self.db.write(lambda tx: tx.many(outcomes.ADD, [row]))

    def calls_of_tasks(self, since: int) -> list[outcomes.TaskCall]:
        """The apps' calls since an instant, the oldest first."""
        return self.db.ask(lambda ask: outcomes.calls_of_tasks(ask, self.org, since))

    def outcomes(self, *tasks: str) -> list[outcomes.Outcome]:
        """What users said, the newest first; of the tasks of these names, or of all."""
        return self.db.ask(lambda ask: outcomes.fetch(ask, self.org, *tasks))


def _prepare_file(db: Database) -> None:
    """Make the file of an embedded ledger private, and let readers and the writer work side by side.

    What a folder that may not be entered or written means, the database itself says.
    """
    if db.shared:
        return
    path = Path(db.address.file)
    try:
        new = not path.exists() and path.parent.is_dir()
        if new:
            path.touch(mode=0o600)
    except OSError:
        return
    if new:
        db.keep_log()


def _zone_of(db: Database, settings: Settings) -> Zone:
    """The zone of the organisation's ledger.

    A ledger of one machine follows the settings: where their zone has changed, days and months are summed anew. So
    they are where an upgrade has forgotten the zone's offsets, because it changed what the sums are made of.
    A shared one keeps the zone that it was made with (UTC where the settings named none); a machine whose
    settings name another one is told. Raises InputError. Where nothing can be summed anew, in a ledger that may only
    be read, what the settings' zone asks for is added up from the hours.
    """
    stored = next(iter(db.ask(lambda ask: ask(FIND_ORG, (settings.org,)))), None)
    name = settings.timezone or ((stored[0] if stored else "UTC") if db.shared else "")
    wanted = Zone.named(name)
    offsets = wanted.fingerprint()
    if stored is None:
        db.write(lambda tx: tx.text(ADD_ORG, (settings.org, name, offsets)) and None)
        return _zone_of(db, settings) if db.shared else wanted
    if offsets == stored[1]:
        return wanted
    if db.shared and stored[1]:
        raise InputError(
            f"{db.name}: days and months of this ledger follow {stored[0]}, but the setting timezone says "
            f"{settings.timezone}. Set timezone to {stored[0]}, or leave it empty",
            slug="ledger-time-zone",
        )

    def change(tx: Transaction) -> None:
        tx.keep_out_writers("events")
        resum(tx, wanted, settings.org)
        tx.text(CHANGE_ZONE, (name, offsets, settings.org))

    try:
        db.write(change)
    except ReadOnlyError:
        return Zone(wanted.tzinfo, is_summed=False)
    return wanted
