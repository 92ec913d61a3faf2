"""The time zone that an organisation's days and months follow, and what happens when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gaia_budget.errors import InputError
from gaia_budget.ledger.zone import Zone

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Database, Transaction
    from gaia_budget.settings import Settings

FIND = "SELECT zone, zone_offsets FROM orgs WHERE org = ?"
ADD = "INSERT INTO orgs (org, zone, zone_offsets) VALUES (?, ?, ?) ON CONFLICT (org) DO NOTHING"


def zone_of(db: Database, settings: Settings) -> Zone:
    """The zone of the organisation's ledger.

    A ledger of one machine follows the settings: where their zone has changed, days and months are summed anew.
    A shared one keeps the zone that it was made with (UTC where the settings named none); a machine whose
    settings name another one is told. Raises InputError.
    """
    stored = next(iter(db.ask(lambda ask: ask(FIND, (settings.org,)))), None)
    if db.shared:
        name = settings.timezone or (stored[0] if stored else "UTC")
        wanted = Zone(ZoneInfo(name))
    else:
        name, wanted = settings.timezone, Zone(settings.zone)
    offsets = wanted.fingerprint()
    if stored is None:
        db.write(lambda tx: tx.text(ADD, (settings.org, name, offsets)) and None)
        return zone_of(db, settings) if db.shared else wanted
    if offsets == stored[1]:
        return wanted
    if db.shared:
        raise InputError(
            f"{db.name}: days and months of this ledger follow {stored[0]}, but the setting timezone says "
            f"{settings.timezone}. Set timezone to {stored[0]}, or leave it empty"
        )
    from gaia_budget.ledger.resum import resum

    def change(tx: Transaction) -> None:
        resum(tx, wanted, settings.org)
        tx.text("UPDATE orgs SET zone = ?, zone_offsets = ? WHERE org = ?", (name, offsets, settings.org))

    db.write(change)
    return wanted
