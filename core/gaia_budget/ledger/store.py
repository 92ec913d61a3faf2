"""What every part of the ledger stands on: a database, an organisation, a calendar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gaia_budget.ledger import orgs

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Database
    from gaia_budget.ledger.zone import When
    from gaia_budget.settings import Settings


class Store:
    """One organisation's part of a database, seen from one machine."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self.db = db
        self.org = settings.org
        self.machine = settings.machine
        self.zone = orgs.zone_of(db, settings)

    def now(self) -> int:
        """This instant in UTC microseconds."""
        return time.time_ns() // 1000

    def instant(self, when: When, *, end: bool = False) -> int | None:
        """A point in time as a user writes it (see `Zone.instant`)."""
        return self.zone.instant(when, self.now(), end=end)
