"""The tables of the ledger. One definition for SQLite and PostgreSQL; `docs/schema.md` is made from the comments.

Every table starts its primary key with `org`, so that a PostgreSQL-compatible cluster can distribute all of
them by it. Money is integer nano-dollars (10**-9 USD), instants are UTC microseconds since the epoch.
Migrations (`gaia_budget.ledger.migrations`) build these tables; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, Table, Text, text

from gaia_budget.ledger.facts import DIMENSIONS, MEASURES, TOKENS
from gaia_budget.model import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

metadata = MetaData()


def _text(name: str, comment: str, *, key: bool = False, default: str | None = "") -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, comment=comment, server_default=default)


def _key(name: str, comment: str) -> Column[str]:
    return _text(name, comment, key=True, default=None)


def _count(name: str, comment: str) -> Column[int]:
    """A figure that is never negative and starts at 0."""
    return Column(
        name,
        BigInteger,
        CheckConstraint(f"{name} >= 0"),
        nullable=False,
        comment=comment,
        server_default="0",
    )


def _figures(named: dict[str, str]) -> list[Column[int]]:
    """Figures that `_never_negative` guards together: one check costs less than one for each, on every insert."""
    return [
        Column(name, BigInteger, nullable=False, comment=comment, server_default="0")
        for name, comment in named.items()
    ]


def _never_negative(names: Iterable[str]) -> CheckConstraint:
    """A bitwise or is negative when one of its operands is."""
    return CheckConstraint(f"({' | '.join(names)}) >= 0")


def _one_of(name: str, *values: str) -> CheckConstraint:
    """Comparisons: SQLite builds a table for each IN, which made an insert half as slow again."""
    return CheckConstraint(" OR ".join(f"{name} = '{value}'" for value in values))


def _instant(name: str, comment: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, comment=comment + " (UTC microseconds)")


ORG = "organisation; first in every key"

events = Table(
    "events",
    metadata,
    _key("org", ORG),
    _key("event_id", "unique per fact: the same response read twice has the same id"),
    _instant("ts", "when it happened"),
    _text(
        "kind",
        "response, unattributed (known from the client's total alone), cache_hit or failed",
        default=None,
    ),
    _text("source", "app or claude_code", default=None),
    _text("billing", "api, plan or unknown", default=None),
    _text("user", "who spent it"),
    _text("machine", "where it was spent"),
    _text("module", "project of the ecosystem, or `unallocated`", default=None),
    _text("provider", "anthropic, openai, gemini, ..."),
    _text("model", "exact model id"),
    _text("task", "task name, where the caller gave one"),
    _text("session_id", "session or correlation that the spend belongs to"),
    _text("agent_id", "subagent; empty for the main thread"),
    _text("agent_type", "the subagent's type"),
    _text("branch", "git branch"),
    *_figures(TOKENS),
    Column(
        "cost_nano",
        BigInteger,
        CheckConstraint("cost_nano >= 0"),
        nullable=True,
        comment="nano-dollars; NULL where no price is known",
    ),
    _text("price_source", "where the price came from"),
    _text("status", "outcome of the call"),
    Column("duration_ms", BigInteger, nullable=True, comment="milliseconds, where known"),
    _text("correlation_id", "links events across modules"),
    _never_negative(TOKENS),
    _one_of("kind", "response", "unattributed", "cache_hit", "failed"),
    _one_of("source", "app", "claude_code"),
    _one_of("billing", "api", "plan", "unknown"),
    CheckConstraint("recached_tokens <= input_tokens + cache_write_5m_tokens + cache_write_1h_tokens"),
    comment="One row per fact of spend. Nothing private: no prompt, no tool text, no file name.",
)
Index("events_ts", events.c.org, events.c.ts, postgresql_using="brin")
FAILED = text("kind = 'failed'")
Index("events_failed", events.c.org, events.c.ts, sqlite_where=FAILED, postgresql_where=FAILED)

EVENT_FIELDS = Event.__struct_fields__
"""The columns of `events` in the order of the fields of `Event`."""

rollups = Table(
    "rollups",
    metadata,
    _key("org", ORG),
    _key("grain", "hour (UTC), day or month (both in the ledger's time zone)"),
    Column(
        "bucket",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="hour: hours since the epoch; day: days since 1970-01-01; month: year * 12 + month - 1",
    ),
    *(_key(name, f"as in events.{name}") for name in DIMENSIONS),
    *_figures(MEASURES),
    _never_negative(MEASURES),
    _one_of("grain", "hour", "day", "month"),
    comment="Sums of events, kept in the transaction that records them. Tokens are those of responses and failed "
    "calls; dollars are those of every kind.",
)

sessions = Table(
    "sessions",
    metadata,
    _key("org", ORG),
    _key("session_id", "as in events.session_id"),
    _instant("first_ts", "no event of it happened before"),
    _instant("last_ts", "nor after"),
    comment="When each session spent: its events are found by time.",
)

bookmarks = Table(
    "bookmarks",
    metadata,
    _key("org", ORG),
    _key("machine", "whose files these are"),
    _key("source", "what was read: a path, or its SHA-256 in a shared database"),
    Column("position", BigInteger, nullable=False, comment="bytes or rows taken in"),
    _text("state", "what the reader needs to go on (JSON)"),
    comment="How far each source has been taken in; moved in the transaction that records its rows.",
)

orgs = Table(
    "orgs",
    metadata,
    _key("org", ORG),
    _text("zone", "time zone of days and months; empty for the machine's own", default=None),
    _text(
        "zone_offsets", "fingerprint of the zone's offsets: when it changes, days and months are summed anew"
    ),
    comment="One row per organisation.",
)

applied = Table(
    "migrations",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="number of the migration"),
    _text("title", "what it did", default=None),
    _instant("applied_ts", "when"),
    comment="Migrations that have been applied. The highest number is the version of the schema.",
)

budgets = Table(
    "budgets",
    metadata,
    _key("org", ORG),
    _key("scope", "module:<id>:<YYYY-MM>, session:<id>, task:<module>:<task>:<id>"),
    _count("app_nano", "recorded spend of apps (module scopes) or settled spend (other scopes)"),
    _count("claude_code_nano", "recorded spend of Claude Code that no plan pays for (module scopes)"),
    _count("assumed_nano", "spend that no event tells of: expired reservations and calls without a price"),
    _count("reserved_nano", "held by open reservations and active leases"),
    _count("override_nano", "drawn from overrides"),
    Column("limit_nano", BigInteger, nullable=True, comment="the limit at the last reservation; NULL before"),
    comment="One row per budget: what one conditional update decides on.",
)

reservations = Table(
    "reservations",
    metadata,
    _key("org", ORG),
    _key("reservation_id", "the call's id: asking twice for one call reserves once"),
    _text("scopes", "budgets that it holds (JSON array, sorted)", default=None),
    _count("estimate_nano", "upper bound that was reserved"),
    _text("state", "open, settled or expired", default=None),
    _count("assumed_nano", "part of the charge that no event tells of"),
    Column(
        "actual_nano",
        BigInteger,
        CheckConstraint("actual_nano >= 0"),
        nullable=True,
        comment="what it cost; NULL until settled",
    ),
    _text("event_id", "the recorded event; empty for none"),
    _text("machine", "who holds it"),
    _instant("created_ts", "when it was admitted"),
    _instant("expires_ts", "when it settles at its full reserve"),
    _one_of("state", "open", "settled", "expired"),
    comment="Money held for calls in flight.",
)
OPEN = text("state = 'open'")
Index(
    "reservations_open",
    reservations.c.org,
    reservations.c.expires_ts,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)

leases = Table(
    "leases",
    metadata,
    _key("org", ORG),
    _key("lease_id", "unique id"),
    _text("scope", "the budget that it was taken from", default=None),
    _text("machine", "who spends it locally"),
    _count("granted_nano", "amount that was set aside"),
    _count("spent_nano", "amount reported as spent"),
    _count("assumed_nano", "part of the charge that no event tells of; after expiry also what was left"),
    _text("state", "active, returned or expired", default=None),
    _instant("expires_ts", "when what is left is assumed spent, unless it is used before"),
    _one_of("state", "active", "returned", "expired"),
    CheckConstraint("spent_nano <= granted_nano"),
    comment="Money set aside for a process that spends it without asking the database for each call.",
)

overrides = Table(
    "overrides",
    metadata,
    _key("org", ORG),
    _key("override_id", "unique id"),
    _text("module", "module whose month it lifts", default=None),
    _count("amount_nano", "how much"),
    _count("used_nano", "how much has been drawn; each dollar once"),
    _text("reason", "why", default=None),
    _text("granted_by", "the human who granted it"),
    _instant("created_ts", "when it was granted"),
    _instant("expires_ts", "when the unused rest lapses"),
    _instant("revoked_ts", "when it was taken back; NULL while it stands", nullable=True),
    _text("task", "the task that alone may use it; empty for every call of the module"),
    CheckConstraint("used_nano <= amount_nano"),
    comment="Money that a human granted on top of a module's month, for a one-time expensive task.",
)

draws = Table(
    "override_draws",
    metadata,
    _key("org", ORG),
    _key("override_id", "the override"),
    _key("scope", "the budget that drew on it"),
    _count("drawn_nano", "how much of the override it has used"),
    _count("lifted_nano", "by how much that lifted it: a dollar that lifts a month and a task is used once"),
    comment="Which budget was lifted by how much of which override.",
)

alerts = Table(
    "alerts_fired",
    metadata,
    _key("org", ORG),
    _key("alert_id", "rule, module, subject and period: the same alert fires once"),
    _text("rule", "name of the rule", default=None),
    _text("module", "module; empty for what concerns them all", default=None),
    _text("severity", "warning or critical", default=None),
    Column(
        "percent",
        BigInteger,
        nullable=True,
        comment="hundredths of a percent of the budget, where it has one",
    ),
    _text("cause", "what drove it"),
    _text("next_step", "what to do"),
    _instant("fired_ts", "when"),
    _text("subject", "the task, session, plan window or file that it is about, where it is not the module"),
    _text("period", "the month or day that it belongs to"),
    _text("acknowledged_by", "the human who has taken note of it"),
    _instant("acknowledged_ts", "when; NULL before", nullable=True),
    _instant("resolved_ts", "when it was over; NULL while it fires", nullable=True),
    comment="Alerts that have fired, each once.",
)
Index("alerts_fired_ts", alerts.c.org, alerts.c.fired_ts)

deliveries = Table(
    "alert_deliveries",
    metadata,
    _key("org", ORG),
    _key("alert_id", "the alert"),
    _key("channel", "argus, desktop or webhook"),
    Column(
        "step",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="0 it has fired, 1 it is over: sent in order",
    ),
    _text("machine", "the machine that alone can send it; empty for any"),
    _text("state", "pending, sent, or given_up after a week", default=None),
    _count("attempts", "how often it was tried"),
    _text("problem", "what the last try said; never an address or a secret"),
    _instant("created_ts", "when it was written down"),
    _instant("due_ts", "when it may be tried (again): whoever sends it moves this on first"),
    _one_of("state", "pending", "sent", "given_up"),
    comment="What is told of alerts beyond this program, kept until it has arrived: at least once, in order per alert.",
)

outcomes = Table(
    "outcomes",
    metadata,
    _key("org", ORG),
    _key("outcome_id", "unique id"),
    _instant("ts", "when"),
    _text("module", "module"),
    _text("task", "task", default=None),
    _text("model", "model that was used", default=None),
    Column("ok", BigInteger, nullable=False, comment="1 the model sufficed, 0 it did not"),
    _text("reason", "why not"),
    CheckConstraint("ok IN (0, 1)"),
    comment="What users said about a model's work: the recommendation learns from it.",
)
