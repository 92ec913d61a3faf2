"""The tables of the ledger, written down once.

`verify` checks rows by it, `docs/schema.md` is made from it, and a test holds the tables that the migrations build
to it. Every table starts its primary key with `org`, so that a PostgreSQL-compatible cluster can distribute all of
them by it. Money is integer nano-dollars (10**-9 USD), instants are UTC microseconds since the epoch.

A new column is a new migration and a line here; one of `events` is also a field of `gaia_budget.model.Event`.
"""

from __future__ import annotations

from gaia_budget.ledger.database.measures import DIMENSIONS, MEASURES, TOKENS
from gaia_budget.ledger.database.tables import (
    Column,
    Index,
    Table,
    count,
    figures,
    instant,
    never_negative,
    one_of,
    text,
)

ORG = Column("org", "organisation; first in every key")

EVENTS = Table(
    "events",
    "One row per fact of spend. Nothing private: no prompt, no tool text, no file name.",
    ("org", "event_id"),
    (
        ORG,
        Column("event_id", "unique per fact: the same response read twice has the same id"),
        instant("ts", "when it happened"),
        Column("kind", "response, unattributed (known from the client's total alone), cache_hit or failed"),
        Column("source", "app or claude_code"),
        Column("billing", "api, plan or unknown"),
        text("user", "who spent it"),
        text("machine", "where it was spent"),
        Column("module", "project of the ecosystem, or `unallocated`"),
        text("provider", "anthropic, openai, gemini, ..."),
        text("model", "exact model id"),
        text("task", "task name, where the caller gave one"),
        text("session_id", "session or correlation that the spend belongs to"),
        text("agent_id", "subagent; empty for the main thread"),
        text("agent_type", "the subagent's type"),
        text("branch", "git branch"),
        *figures(TOKENS),
        Column(
            "cost_nano",
            "nano-dollars; NULL where no price is known",
            number=True,
            nullable=True,
            check="cost_nano >= 0",
        ),
        text("price_source", "where the price came from"),
        text("status", "outcome of the call"),
        Column("duration_ms", "milliseconds, where known", number=True, nullable=True),
        text("correlation_id", "links events across modules"),
        text("part_of", "the response that another model ran this for; a part is no response of its own"),
        text("effort", "effort that Claude Code asked for"),
        text("entrypoint", "how Claude Code was started: cli, sdk-cli, ..."),
        text("skill", "skill at work"),
        text("plugin", "plugin at work"),
        text("mcp_server", "MCP server whose result the response reads"),
        text("mcp_tool", "MCP tool whose result the response reads"),
    ),
    (
        never_negative(TOKENS),
        one_of("kind", "response", "unattributed", "cache_hit", "failed"),
        one_of("source", "app", "claude_code"),
        one_of("billing", "api", "plan", "unknown"),
        "recached_tokens <= input_tokens + cache_write_5m_tokens + cache_write_1h_tokens",
    ),
    (Index("events_failed", ("org", "ts"), "kind = 'failed'"), Index("events_ts", ("org", "ts"))),
)

EVENTS_SET_ASIDE = Table(
    "events_set_aside",
    "Rows that cannot be facts (a date of year 1, 2**63 tokens): kept to be looked at, and in no sum.",
    ("org", "event_id"),
    (
        ORG,
        Column("event_id", "as in events.event_id"),
        Column("fact", "the row (JSON), with its columns as in events"),
    ),
)

ROLLUPS = Table(
    "rollups",
    "Sums of events, kept in the transaction that records them. Tokens are those of responses and failed "
    "calls; dollars are those of every kind.",
    ("org", "grain", "bucket", *DIMENSIONS),
    (
        ORG,
        Column("grain", "hour (UTC), day or month (both in the ledger's time zone)"),
        Column(
            "bucket",
            "hour: hours since the epoch; day: days since 1970-01-01; month: year * 12 + month - 1",
            number=True,
        ),
        *(Column(name, f"as in events.{name}") for name in DIMENSIONS),
        *figures(MEASURES),
    ),
    (never_negative(MEASURES), one_of("grain", "hour", "day", "month")),
)

SESSIONS = Table(
    "sessions",
    "When each session spent: its events are found by time.",
    ("org", "session_id"),
    (
        ORG,
        Column("session_id", "as in events.session_id"),
        instant("first_ts", "no event of it happened before"),
        instant("last_ts", "nor after"),
    ),
)

BOOKMARKS = Table(
    "bookmarks",
    "How far each source has been taken in; moved in the transaction that records its rows.",
    ("org", "machine", "source"),
    (
        ORG,
        Column("machine", "whose files these are"),
        Column("source", "what was read: a path, or its SHA-256 in a shared database"),
        Column("position", "bytes or rows taken in", number=True),
        text("state", "what the reader needs to go on (JSON)"),
    ),
)

ORGS = Table(
    "orgs",
    "One row per organisation.",
    ("org",),
    (
        ORG,
        Column("zone", "time zone of days and months; empty for the machine's own"),
        text(
            "zone_offsets",
            "fingerprint of the zone's offsets: when it changes, days and months are summed anew",
        ),
    ),
)

MIGRATIONS = Table(
    "migrations",
    "Migrations that have been applied. The highest number is the version of the schema.",
    ("number",),
    (
        Column("number", "number of the migration", number=True),
        Column("title", "what it did"),
        instant("applied_ts", "when"),
    ),
)

BUDGETS = Table(
    "budgets",
    "One row per budget: what one conditional update decides on.",
    ("org", "scope"),
    (
        ORG,
        Column("scope", "module:<id>:<YYYY-MM>, session:<id>, task:<module>:<task>:<id>"),
        count("app_nano", "recorded spend of apps (module scopes) or settled spend (other scopes)"),
        count("claude_code_nano", "recorded spend of Claude Code that no plan pays for (module scopes)"),
        count("assumed_nano", "spend that no event tells of: expired reservations and calls without a price"),
        count("reserved_nano", "held by open reservations and active leases"),
        count("override_nano", "drawn from overrides"),
        Column("limit_nano", "the limit at the last reservation; NULL before", number=True, nullable=True),
    ),
)

RESERVATIONS = Table(
    "reservations",
    "Money held for calls in flight.",
    ("org", "reservation_id"),
    (
        ORG,
        Column("reservation_id", "the call's id: asking twice for one call reserves once"),
        Column("scopes", "budgets that it holds (JSON array, sorted)"),
        count("estimate_nano", "upper bound that was reserved"),
        Column("state", "open, settled or expired"),
        count("assumed_nano", "part of the charge that no event tells of"),
        Column(
            "actual_nano",
            "what it cost; NULL until settled",
            number=True,
            nullable=True,
            check="actual_nano >= 0",
        ),
        text("event_id", "the recorded event; empty for none"),
        text("machine", "who holds it"),
        instant("created_ts", "when it was admitted"),
        instant("expires_ts", "when it settles at its full reserve"),
    ),
    (one_of("state", "open", "settled", "expired"),),
    (Index("reservations_open", ("org", "expires_ts"), "state = 'open'"),),
)

LEASES = Table(
    "leases",
    "Money set aside for a process that spends it without asking the database for each call.",
    ("org", "lease_id"),
    (
        ORG,
        Column("lease_id", "unique id"),
        Column("scope", "the budget that it was taken from"),
        text("machine", "who spends it locally"),
        count("granted_nano", "amount that was set aside"),
        count("spent_nano", "amount reported as spent"),
        count("assumed_nano", "part of the charge that no event tells of; after expiry also what was left"),
        Column("state", "active, returned or expired"),
        instant("expires_ts", "when what is left is assumed spent, unless it is used before"),
    ),
    (one_of("state", "active", "returned", "expired"), "spent_nano <= granted_nano"),
)

OVERRIDES = Table(
    "overrides",
    "Money that a human granted on top of a module's month, for a one-time expensive task.",
    ("org", "override_id"),
    (
        ORG,
        Column("override_id", "unique id"),
        Column("module", "module whose month it lifts"),
        count("amount_nano", "how much"),
        count("used_nano", "how much has been drawn; each dollar once"),
        Column("reason", "why"),
        text("granted_by", "the human who granted it"),
        instant("created_ts", "when it was granted"),
        instant("expires_ts", "when the unused rest lapses"),
        instant("revoked_ts", "when it was taken back; NULL while it stands", nullable=True),
        text("task", "the task that alone may use it; empty for every call of the module"),
    ),
    ("used_nano <= amount_nano",),
)

OVERRIDE_DRAWS = Table(
    "override_draws",
    "Which budget was lifted by how much of which override.",
    ("org", "override_id", "scope"),
    (
        ORG,
        Column("override_id", "the override"),
        Column("scope", "the budget that drew on it"),
        count("drawn_nano", "how much of the override it has used"),
        count(
            "lifted_nano", "by how much that lifted it: a dollar that lifts a month and a task is used once"
        ),
    ),
)

ALERTS_FIRED = Table(
    "alerts_fired",
    "Alerts that have fired, each once.",
    ("org", "alert_id"),
    (
        ORG,
        Column("alert_id", "rule, module, subject and period: the same alert fires once"),
        Column("rule", "name of the rule"),
        Column("module", "module; empty for what concerns them all"),
        Column("severity", "warning or critical"),
        Column(
            "percent",
            "hundredths of a percent of the budget, where it has one",
            number=True,
            nullable=True,
        ),
        text("cause", "what drove it"),
        text("next_step", "what to do"),
        instant("fired_ts", "when"),
        text(
            "subject", "the task, session, plan window or file that it is about, where it is not the module"
        ),
        text("period", "the month or day that it belongs to"),
        text("acknowledged_by", "the human who has taken note of it"),
        instant("acknowledged_ts", "when; NULL before", nullable=True),
        instant("resolved_ts", "when it was over; NULL while it fires", nullable=True),
    ),
    (),
    (Index("alerts_fired_ts", ("org", "fired_ts")),),
)

ALERT_DELIVERIES = Table(
    "alert_deliveries",
    "What is told of alerts beyond this program, kept until it has arrived: at least once, in order per alert.",
    ("org", "alert_id", "channel", "step"),
    (
        ORG,
        Column("alert_id", "the alert"),
        Column("channel", "argus, desktop or webhook"),
        Column("step", "0 it has fired, 1 it is over: sent in order", number=True),
        text("machine", "the machine that alone can send it; empty for any"),
        Column("state", "pending, sent, or given_up after a week"),
        count("attempts", "how often it was tried"),
        text("problem", "what the last try said; never an address or a secret"),
        instant("created_ts", "when it was written down"),
        instant("due_ts", "when it may be tried (again): whoever sends it moves this on first"),
    ),
    (one_of("state", "pending", "sent", "given_up"),),
)

OUTCOMES = Table(
    "outcomes",
    "What users said about a model's work: the recommendation learns from it.",
    ("org", "outcome_id"),
    (
        ORG,
        Column("outcome_id", "unique id"),
        instant("ts", "when"),
        text("module", "module"),
        Column("task", "task"),
        Column("model", "model that was used"),
        Column("ok", "1 the model sufficed, 0 it did not", number=True),
        text("reason", "why not"),
        Column(
            "kind",
            "how it is known: said, escalation (an app's own check), retry, redone (what happened)",
            default="said",
        ),
    ),
    ("ok IN (0, 1)",),
)

TABLES = (
    ALERT_DELIVERIES,
    ALERTS_FIRED,
    BOOKMARKS,
    BUDGETS,
    EVENTS,
    EVENTS_SET_ASIDE,
    LEASES,
    MIGRATIONS,
    ORGS,
    OUTCOMES,
    OVERRIDE_DRAWS,
    OVERRIDES,
    RESERVATIONS,
    ROLLUPS,
    SESSIONS,
)
"""All of them, by name."""
OF_AN_ORGANISATION = tuple(table for table in TABLES if table is not MIGRATIONS)
"""Those whose rows belong to one organisation."""
