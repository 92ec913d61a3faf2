"""Alerts that fired, each once, and what of them is still to be sent: written down together, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import NotFoundError
from gaia_budget.ledger.zone import DAY, MICRO

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.database.connection import Transaction

FIRED, OVER = 0, 1
"""Steps of an alert that are told, in this order."""
REMEMBERED = 62 * DAY
"""How long an alert that is over decides whether its rule may fire again: longer than any month and cooldown."""
CLAIM = 60 * MICRO
"""How long whoever sends something has for it before another one tries."""
FIRST_PAUSE, LONGEST_PAUSE, GIVEN_UP_AFTER = 10 * MICRO, 3600 * MICRO, 7 * DAY


class Alert(NamedTuple):
    """An alert that fired. `percent` is in hundredths; `subject` is the task, session, window or file it is about."""

    alert_id: str
    rule: str
    module: str
    severity: str
    percent: int | None
    cause: str
    next_step: str
    fired_ts: int
    subject: str = ""
    period: str = ""
    acknowledged_by: str = ""
    acknowledged_ts: int | None = None
    resolved_ts: int | None = None

    @property
    def state(self) -> str:
        """`firing`, `acknowledged` (a human has taken note; it still holds) or `resolved`."""
        if self.resolved_ts is not None:
            return "resolved"
        return "firing" if self.acknowledged_ts is None else "acknowledged"


class Firing(NamedTuple):
    """An alert to record, and the channels that are to tell of it: (channel, machine that alone can, or empty)."""

    alert: Alert
    channels: Sequence[tuple[str, str]] = ()


class AlertChanges(NamedTuple):
    """What an evaluation changes: alerts that begin, are over, or hold again (these are not told a second time)."""

    fired: Sequence[Firing] = ()
    resolved: Sequence[str] = ()
    reopened: Sequence[str] = ()

    def ending_only(self, alert_ids: Collection[str]) -> AlertChanges:
        """The same with no other alert than these being over."""
        return self._replace(resolved=[one for one in self.resolved if one in alert_ids])

    def __bool__(self) -> bool:
        return bool(self.fired or self.resolved or self.reopened)


class Delivery(NamedTuple):
    """One thing to send: `step` 0 tells that the alert fires, 1 that it is over."""

    alert: Alert
    channel: str
    step: int
    attempts: int
    created_ts: int


_COLUMNS = ", ".join(Alert._fields)
FIRE = (
    f"INSERT INTO alerts_fired (org, {_COLUMNS}) VALUES ({', '.join('?' * (len(Alert._fields) + 1))}) "  # noqa: S608
    "ON CONFLICT (org, alert_id) DO NOTHING"
)
RESOLVE = "UPDATE alerts_fired SET resolved_ts = ? WHERE org = ? AND alert_id = ? AND resolved_ts IS NULL"
REOPEN = "UPDATE alerts_fired SET resolved_ts = NULL WHERE org = ? AND alert_id = ?"
LATELY = (
    f"SELECT {_COLUMNS} FROM alerts_fired "  # noqa: S608
    "WHERE org = ? AND (resolved_ts IS NULL OR fired_ts >= ?) ORDER BY fired_ts DESC, alert_id"
)
ALL = (
    f"SELECT {_COLUMNS} FROM alerts_fired "  # noqa: S608
    "WHERE org = ? AND fired_ts >= ? ORDER BY fired_ts DESC, alert_id"
)
ACKNOWLEDGE = (
    "UPDATE alerts_fired SET acknowledged_by = ?, acknowledged_ts = ? WHERE org = ? AND alert_id = ? "
    "AND acknowledged_ts IS NULL"
)
SEND = (
    "INSERT INTO alert_deliveries (org, alert_id, channel, step, machine, state, created_ts, due_ts) "
    "VALUES (?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (org, alert_id, channel, step) DO NOTHING"
)
SEND_OVER = (
    "INSERT INTO alert_deliveries (org, alert_id, channel, step, machine, state, created_ts, due_ts) "
    "SELECT org, alert_id, channel, 1, machine, 'pending', ?, ? FROM alert_deliveries "
    "WHERE org = ? AND alert_id = ? AND step = 0 ON CONFLICT (org, alert_id, channel, step) DO NOTHING"
)
DUE = (
    "SELECT d.channel, d.step, d.attempts, d.created_ts, "  # noqa: S608
    f"{', '.join(f'a.{name}' for name in Alert._fields)} FROM alert_deliveries d JOIN alerts_fired a "
    "ON a.org = d.org AND a.alert_id = d.alert_id WHERE d.org = ? AND d.state = 'pending' AND d.due_ts <= ? "
    "AND d.channel = ? AND d.machine IN ('', ?) AND NOT EXISTS (SELECT 1 FROM alert_deliveries e "
    "WHERE e.org = d.org AND e.alert_id = d.alert_id AND e.channel = d.channel AND e.step < d.step "
    "AND e.state = 'pending') ORDER BY d.created_ts, d.alert_id LIMIT 1"
)
CLAIMED = (
    "UPDATE alert_deliveries SET due_ts = ?, attempts = attempts + 1 "
    "WHERE org = ? AND alert_id = ? AND channel = ? AND step = ? AND attempts = ? AND state = 'pending'"
)
ENDED = (
    "UPDATE alert_deliveries SET state = ?, problem = ?, due_ts = ? "
    "WHERE org = ? AND alert_id = ? AND channel = ? AND step = ? AND state = 'pending'"
)
WAITING = (
    "SELECT channel, count(*), max(problem), min(created_ts) FROM alert_deliveries "
    "WHERE org = ? AND state <> 'sent' AND problem <> '' AND created_ts >= ? GROUP BY channel ORDER BY channel"
)


class Stuck(NamedTuple):
    """A channel with deliveries that have failed so far, and what the last try said."""

    channel: str
    waiting: int
    problem: str
    since_ts: int


class Fired:
    """The alerts of an organisation, and what is still to be sent of them."""

    def __init__(self, ledger: Ledger) -> None:
        self.db, self.org, self.machine, self.now = ledger.db, ledger.org, ledger.machine, ledger.now

    def alerts_lately(self) -> list[Alert]:
        """Every alert that holds, and those that were over not long ago; the newest first."""
        values = (self.org, self.now() - REMEMBERED)
        return self.db.ask(lambda ask: [Alert(*row) for row in ask(LATELY, values)])

    def alerts(self, since: int = 0) -> list[Alert]:
        """Every alert that has fired since an instant, the newest first."""
        return self.db.ask(lambda ask: [Alert(*row) for row in ask(ALL, (self.org, since))])

    def change_alerts(self, decide: Callable[[list[Alert]], AlertChanges]) -> AlertChanges:
        """Let `decide` see the alerts as they are, with every rival held off, and write down what it changes."""
        since = self.now() - REMEMBERED

        def work(tx: Transaction) -> AlertChanges:
            if tx.db.shared:  # an embedded ledger has one writer anyway
                tx.text("SELECT org FROM orgs WHERE org = ? FOR UPDATE", (self.org,))
            known = [Alert(*row) for row in tx.text(LATELY, (self.org, since)).fetchall()]
            changes = decide(known)
            self._write(tx, changes)
            return changes

        return self.db.write(work)

    def _write(self, tx: Transaction, changes: AlertChanges) -> None:
        now = self.now()
        for firing in changes.fired:
            if tx.text(FIRE, (self.org, *firing.alert)).rowcount:
                for channel, machine in firing.channels:
                    tx.text(SEND, (self.org, firing.alert.alert_id, channel, FIRED, machine, now, now))
        for alert_id in changes.resolved:
            tx.text(RESOLVE, (now, self.org, alert_id))
            tx.text(SEND_OVER, (now, now, self.org, alert_id))
        for alert_id in changes.reopened:
            tx.text(REOPEN, (self.org, alert_id))

    def acknowledge_alert(self, alert_id: str, by: str) -> Alert:
        """Note that a human knows of an alert; a second time changes nothing. Raises NotFoundError."""
        now = self.now()
        self.db.write(lambda tx: tx.text(ACKNOWLEDGE, (by, now, self.org, alert_id)) and None)
        known = self.alerts()
        found = next((alert for alert in known if alert.alert_id == alert_id), None)
        if found is None:
            raise NotFoundError("alert", alert_id, [alert.alert_id for alert in known[:10]])
        return found

    def claim_delivery(self, channel: str) -> Delivery | None:
        """The next thing that a channel is to send from this machine, ours for a minute; None when nothing is due."""
        now = self.now()
        due = (self.org, now, channel, self.machine)
        if not self.db.ask(lambda ask: list(ask(DUE, due))):
            return None  # nearly always: and then nobody is kept from writing

        def work(tx: Transaction) -> Delivery | None:
            row = tx.text(DUE, due).fetchone()
            if row is None:
                return None
            found = Delivery(Alert(*row[4:]), row[0], int(row[1]), int(row[2]), int(row[3]))
            mine = (self.org, found.alert.alert_id, found.channel, found.step, found.attempts)
            return found if tx.text(CLAIMED, (now + CLAIM, *mine)).rowcount else None

        return self.db.write(work)

    def delivery_sent(self, delivery: Delivery) -> None:
        """It has arrived."""
        self._end(delivery, "sent", "", 0)

    def delivery_failed(self, delivery: Delivery, problem: str) -> None:
        """It has not: it is tried again after a pause that doubles, for a week."""
        now = self.now()
        pause = min(FIRST_PAUSE << min(delivery.attempts, 20), LONGEST_PAUSE)
        state = "pending" if now - delivery.created_ts < GIVEN_UP_AFTER else "given_up"
        self._end(delivery, state, problem, now + pause)

    def _end(self, delivery: Delivery, state: str, problem: str, due_ts: int) -> None:
        values = (state, problem, due_ts, self.org, delivery.alert.alert_id, delivery.channel, delivery.step)
        self.db.write(lambda tx: tx.text(ENDED, values) and None)

    def stuck_deliveries(self) -> list[Stuck]:
        """Channels that could not send something in the last week, for `alerts` and `doctor`."""
        rows: Iterable[Sequence[object]] = self.db.ask(
            lambda ask: list(ask(WAITING, (self.org, self.now() - GIVEN_UP_AFTER)))
        )
        return [Stuck(*row) for row in rows]  # type: ignore[arg-type]
