"""Overrides: money that a human grants on top of a module's month, each dollar once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.ledger.zone import iso
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gaia_budget.ledger.database.connection import Ask, Transaction
    from gaia_budget.ledger.zone import Zone

COLUMNS = "override_id, module, amount_nano, used_nano, reason, granted_by, created_ts, expires_ts, revoked_ts, task"
ADD = (
    f"INSERT INTO overrides (org, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
    "ON CONFLICT (org, override_id) DO NOTHING"
)
ACTIVE = (
    "SELECT override_id, task, amount_nano - used_nano FROM overrides WHERE org = ? AND module = ? "
    "AND expires_ts > ? AND revoked_ts IS NULL AND used_nano < amount_nano AND task IN ({}) "
    "ORDER BY task = '', expires_ts, override_id"
)
USE = "UPDATE overrides SET used_nano = used_nano + ? WHERE org = ? AND override_id = ?"
DRAW = (
    "INSERT INTO override_draws (org, override_id, scope, drawn_nano, lifted_nano) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (org, override_id, scope) DO UPDATE SET "
    "drawn_nano = override_draws.drawn_nano + excluded.drawn_nano, "
    "lifted_nano = override_draws.lifted_nano + excluded.lifted_nano"
)
LIFT = "UPDATE budgets SET override_nano = override_nano + ? WHERE org = ? AND scope = ?"
LIFTED = (
    "SELECT scope, override_nano, limit_nano + override_nano - app_nano - assumed_nano - reserved_nano FROM budgets "
    "WHERE org = ? AND override_nano > 0 AND scope IN ({}) ORDER BY scope"
)
DRAWN = (
    "SELECT d.override_id, d.drawn_nano, d.lifted_nano FROM override_draws d "
    "JOIN overrides o ON o.org = d.org AND o.override_id = d.override_id "
    "WHERE d.org = ? AND d.scope = ? AND d.lifted_nano > 0 ORDER BY o.task = '', o.created_ts DESC, o.override_id"
)
RETURN = (
    "UPDATE override_draws SET drawn_nano = drawn_nano - ?, lifted_nano = lifted_nano - ? "
    "WHERE org = ? AND override_id = ? AND scope = ?"
)
LISTED = f"SELECT {COLUMNS} FROM overrides WHERE org = ? ORDER BY created_ts DESC, override_id"  # noqa: S608
REVOKE = "UPDATE overrides SET revoked_ts = coalesce(revoked_ts, ?) WHERE org = ? AND override_id = ?"


class Override(NamedTuple):
    """A grant. `used_nano` is drawn into budgets by calls on their way and by spend; the rest lapses at `expires_ts`.

    With a `task` it lifts the month, and the task's own cap, for calls of that task alone.
    """

    override_id: str
    module: str
    amount_nano: int
    used_nano: int
    reason: str
    granted_by: str
    created_ts: int
    expires_ts: int
    revoked_ts: int | None
    task: str = ""

    @property
    def left_nano(self) -> int:
        """What has not been drawn yet."""
        return self.amount_nano - self.used_nano

    def is_active(self, now: int) -> bool:
        """Whether there is something left to draw."""
        return self.revoked_ts is None and self.expires_ts > now and self.used_nano < self.amount_nano

    def document(self) -> dict[str, Any]:
        """The JSON document of an override."""
        return {
            "id": self.override_id,
            "module": self.module,
            "task": self.task or None,
            "usd": usd(self.amount_nano),
            "used_usd": usd(self.used_nano),
            "reason": self.reason,
            "granted_by": self.granted_by,
            "expires": iso(self.expires_ts),
            "revoked": iso(self.revoked_ts),
        }

    def says(self, zone: Zone) -> str:
        """One line for people, with times of the ledger's zone."""
        state = (
            "revoked"
            if self.revoked_ts is not None
            else f"until {zone.local(self.expires_ts):%Y-%m-%d %H:%M %Z}"
        )
        whose = f"{self.module}, {self.task}" if self.task else self.module
        used = f"${usd(self.used_nano)} of ${usd(self.amount_nano)} used"
        return f"{self.override_id}  {whose}  {used}, {state}: {self.reason}"


def grant(tx: Transaction, org: str, override: Override) -> None:
    """Record a grant; the same one twice is one. Raises InputError for an amount or expiry that grants nothing."""
    if override.amount_nano <= 0:
        raise InputError("an override must be more than 0 dollars", slug="override-incomplete")
    if override.expires_ts <= override.created_ts:
        raise InputError("an override must expire in the future", slug="override-incomplete")
    if not override.reason.strip():
        raise InputError("an override needs a reason: it stays in the record", slug="override-incomplete")
    tx.text(ADD, (org, *override))


class Draw(NamedTuple):
    """What one override gives: by how much it lifts each budget, and which of them it is used for in the books."""

    override_id: str
    used_nano: int
    lifted: Mapping[str, int]


def draw(
    tx: Transaction,
    org: str,
    module: str,
    short: Mapping[str, int],
    tasks: Iterable[str],
    now: int,
    *,
    partly: bool,
) -> None:
    """Lift budgets (scope: nano-dollars missing) from the module's overrides, those of the tasks first.

    Draws nothing when they cannot cover what is missing, unless `partly`. Drawn money stays with its budgets.
    """
    names = ("", *dict.fromkeys(tasks))
    sql = ACTIVE.format(", ".join("?" * len(names)))
    rows = tx.locked(sql, (org, module, now, *names)).fetchall()
    plan, missing = planned([(name, task, int(left)) for name, task, left in rows], short)
    if missing and not partly:
        return
    for part in plan:
        tx.text(USE, (part.used_nano, org, part.override_id))
        payer = max(part.lifted, key=lambda scope: part.lifted[scope])
        for scope, lifted in part.lifted.items():
            tx.text(LIFT, (lifted, org, scope))
            tx.text(DRAW, (org, part.override_id, scope, part.used_nano if scope == payer else 0, lifted))


def give_back(tx: Transaction, org: str, scopes: Sequence[str], unused_nano: int) -> None:
    """Return what a call had drawn and did not use, as far as nothing else needs it, to the overrides it came from.

    So what was granted for one task does not stay behind for others. Money that is given back is there to be drawn.
    """
    marks = ", ".join("?" * len(scopes))
    for scope, lifted, free in tx.text(LIFTED.format(marks), (org, *scopes)).fetchall():
        left = min(unused_nano, int(lifted), int(free))
        for override_id, drawn, part in tx.text(DRAWN, (org, scope)).fetchall() if left > 0 else ():
            returned = min(left, int(part))
            spared = min(returned, int(drawn))
            tx.text(RETURN, (spared, returned, org, override_id, scope))
            tx.text(USE, (-spared, org, override_id))
            tx.text(LIFT, (-returned, org, scope))
            left -= returned
            if not left:
                break


def planned(found: Iterable[tuple[str, str, int]], short: Mapping[str, int]) -> tuple[list[Draw], int]:
    """What each override (id, task, left) gives, and what is still missing then.

    An override lifts months; one of a task also that task's own caps, and a dollar that lifts both is used once.
    """
    missing, plan = dict(sorted(short.items())), []
    for override_id, task, left in found:
        fitting = [scope for scope, lack in missing.items() if lack and lifts(task, scope)]
        part = min(left, max((missing[scope] for scope in fitting), default=0))
        if part:
            lifted = {scope: min(part, missing[scope]) for scope in fitting}
            for scope, amount in lifted.items():
                missing[scope] -= amount
            plan.append(Draw(override_id, part, lifted))
    return plan, sum(missing.values())


def lifts(task: str, scope: str) -> bool:
    """Whether an override of a task (empty: of every call) lifts a budget."""
    return scope.startswith("module:") or bool(task and task_of(scope) == task)


def task_of(scope: str) -> str:
    """The task whose own cap a budget is (`task:<module>:<task>:<id>`); empty for other budgets."""
    return scope.split(":", 2)[2].rsplit(":", 1)[0] if scope.startswith("task:") else ""


def revoke(tx: Transaction, org: str, override_id: str, now: int) -> None:
    """Take back what is not used yet. Raises NotFoundError."""
    if tx.text(REVOKE, (now, org, override_id)).rowcount == 0:
        known = tx.text("SELECT override_id FROM overrides WHERE org = ? ORDER BY created_ts DESC", (org,))
        raise NotFoundError("override", override_id, [row[0] for row in known.fetchmany(10)])


def listed(ask: Ask, org: str) -> list[Override]:
    """Every override of the organisation, the newest first."""
    return [Override(*row) for row in ask(LISTED, (org,))]
