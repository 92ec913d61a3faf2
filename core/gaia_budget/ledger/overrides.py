"""Overrides: money that a human grants on top of a module's month, each dollar once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Transaction

COLUMNS = (
    "override_id, module, amount_nano, used_nano, reason, granted_by, created_ts, expires_ts, revoked_ts"
)
ADD = (
    f"INSERT INTO overrides (org, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
    "ON CONFLICT (org, override_id) DO NOTHING"
)
ACTIVE = (
    "SELECT override_id, amount_nano - used_nano FROM overrides WHERE org = ? AND module = ? "
    "AND expires_ts > ? AND revoked_ts IS NULL AND used_nano < amount_nano ORDER BY expires_ts, override_id"
)
USE = "UPDATE overrides SET used_nano = used_nano + ? WHERE org = ? AND override_id = ?"
DRAW = (
    "INSERT INTO override_draws (org, override_id, scope, drawn_nano) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (org, override_id, scope) DO UPDATE SET drawn_nano = override_draws.drawn_nano + excluded.drawn_nano"
)
LIFT = "UPDATE budgets SET override_nano = override_nano + ? WHERE org = ? AND scope = ?"
REVOKE = "UPDATE overrides SET revoked_ts = coalesce(revoked_ts, ?) WHERE org = ? AND override_id = ?"


class Override(NamedTuple):
    """A grant. `used_nano` has been drawn into a month's budget; the rest lapses at `expires_ts`."""

    override_id: str
    module: str
    amount_nano: int
    used_nano: int
    reason: str
    granted_by: str
    created_ts: int
    expires_ts: int
    revoked_ts: int | None

    def is_active(self, now: int) -> bool:
        """Whether there is something left to draw."""
        return self.revoked_ts is None and self.expires_ts > now and self.used_nano < self.amount_nano


def grant(tx: Transaction, org: str, override: Override) -> None:
    """Record a grant; the same one twice is one. Raises InputError for an amount or expiry that grants nothing."""
    if override.amount_nano <= 0:
        raise InputError("an override must be more than 0 dollars")
    if override.expires_ts <= override.created_ts:
        raise InputError("an override must expire in the future")
    if not override.reason.strip():
        raise InputError("an override needs a reason: it stays in the record")
    tx.text(ADD, (org, *override))


def draw(tx: Transaction, place: tuple[str, str], module: str, missing: int, now: int) -> None:
    """Lift a budget by what is missing, from the module's overrides, the first to expire first.

    Draws nothing when they cannot cover it. Drawn money stays with that month's budget.
    """
    org, scope = place
    sql = f"{ACTIVE} FOR UPDATE" if tx.db.shared else ACTIVE
    found = [(name, int(left)) for name, left in tx.text(sql, (org, module, now)).fetchall()]
    if sum(left for _, left in found) < missing:
        return
    tx.text(LIFT, (missing, org, scope))
    for name, left in found:
        part = min(left, missing)
        if part:
            tx.text(USE, (part, org, name))
            tx.text(DRAW, (org, name, scope, part))
            missing -= part


def revoke(tx: Transaction, org: str, override_id: str, now: int) -> None:
    """Take back what is not used yet. Raises NotFoundError."""
    if tx.text(REVOKE, (now, org, override_id)).rowcount == 0:
        known = tx.text("SELECT override_id FROM overrides WHERE org = ? ORDER BY created_ts DESC", (org,))
        raise NotFoundError("override", override_id, [row[0] for row in known.fetchmany(10)])


def listed(tx_or_connection: Any, org: str) -> list[Override]:
    """Every override of the organisation, the newest first."""
    from sqlalchemy import select

    from gaia_budget.ledger.schema import overrides

    columns = [overrides.c[name] for name in Override._fields]
    question = select(*columns).where(overrides.c.org == org)
    rows = tx_or_connection.execute(question.order_by(overrides.c.created_ts.desc(), overrides.c.override_id))
    return [Override(*row) for row in rows]
