"""What has been changed in the tables since the first ones, in order. Frozen: what was applied is never edited.

The next change is a new migration at the end, and a line in `migrations.MIGRATIONS`. A migration is a function that
gives the statements for `sqlite` or `postgresql`.
"""

from __future__ import annotations

from gaia_budget.ledger.database.first_version import WORDS, split

ALERTS = """
ALTER TABLE alerts_fired ADD COLUMN subject {text} DEFAULT '' NOT NULL;
ALTER TABLE alerts_fired ADD COLUMN period {text} DEFAULT '' NOT NULL;
ALTER TABLE alerts_fired ADD COLUMN acknowledged_by {text} DEFAULT '' NOT NULL;
ALTER TABLE alerts_fired ADD COLUMN acknowledged_ts {integer};
ALTER TABLE alerts_fired ADD COLUMN resolved_ts {integer};
ALTER TABLE overrides ADD COLUMN task {text} DEFAULT '' NOT NULL;
ALTER TABLE override_draws ADD COLUMN lifted_nano {integer} DEFAULT 0 NOT NULL CHECK (lifted_nano >= 0);
UPDATE override_draws SET lifted_nano = drawn_nano;
CREATE INDEX alerts_fired_ts ON alerts_fired (org, fired_ts);
CREATE INDEX events_failed ON events (org, ts) WHERE kind = 'failed';
CREATE TABLE alert_deliveries (
  org {text} NOT NULL,
  alert_id {text} NOT NULL,
  channel {text} NOT NULL,
  step {integer} NOT NULL,
  machine {text} DEFAULT '' NOT NULL,
  state {text} NOT NULL,
  attempts {integer} DEFAULT 0 NOT NULL CHECK (attempts >= 0),
  problem {text} DEFAULT '' NOT NULL,
  created_ts {integer} NOT NULL,
  due_ts {integer} NOT NULL,
  PRIMARY KEY (org, alert_id, channel, step),
  CHECK (state = 'pending' OR state = 'sent' OR state = 'given_up')
) {clustered};
"""


def alerts(dialect: str) -> list[str]:
    """Migration 2: alerts that resolve and are acknowledged, what is sent of them, overrides of one task."""
    return split(ALERTS.format(**WORDS[dialect]))


def block_ranges(dialect: str) -> list[str]:
    """Migration 3: PostgreSQL finds events by time through block ranges, which cost an ingest next to nothing."""
    if dialect == "sqlite":
        return []
    return [
        "DROP INDEX events_ts",
        "CREATE INDEX events_ts ON events USING brin (org, ts) WITH (autosummarize = on)",
    ]


SPANS = """
DROP INDEX IF EXISTS events_session;
DROP INDEX IF EXISTS reservations_open;
CREATE TABLE sessions (
  org {text} NOT NULL,
  session_id {text} NOT NULL,
  first_ts {integer} NOT NULL,
  last_ts {integer} NOT NULL,
  PRIMARY KEY (org, session_id)
) {clustered};
INSERT INTO sessions (org, session_id, first_ts, last_ts)
SELECT org, session_id, min(ts), max(ts) FROM events WHERE session_id <> '' GROUP BY org, session_id;
"""
"""On PostgreSQL dropping an index waits for whoever writes events and keeps others out: the spans miss none."""

RESERVATIONS = """
CREATE TEMPORARY TABLE reservations_before AS SELECT * FROM reservations;
DROP TABLE reservations;
CREATE TABLE reservations (
  org {text} NOT NULL,
  reservation_id {text} NOT NULL,
  scopes {text} NOT NULL,
  estimate_nano {integer} DEFAULT 0 NOT NULL CHECK (estimate_nano >= 0),
  state {text} NOT NULL,
  assumed_nano {integer} DEFAULT 0 NOT NULL CHECK (assumed_nano >= 0),
  actual_nano {integer} CHECK (actual_nano >= 0),
  event_id {text} DEFAULT '' NOT NULL,
  machine {text} DEFAULT '' NOT NULL,
  created_ts {integer} NOT NULL,
  expires_ts {integer} NOT NULL,
  PRIMARY KEY (org, reservation_id),
  CHECK (state = 'open' OR state = 'settled' OR state = 'expired')
) {clustered};
INSERT INTO reservations SELECT * FROM reservations_before;
DROP TABLE reservations_before;
"""
"""On SQLite, where a table that is stored in its key's order has one tree less to change."""

OPEN = "CREATE INDEX reservations_open ON reservations (org, expires_ts) WHERE state = 'open';\n"


def spans(dialect: str) -> list[str]:
    """Migration 4: sessions are found by when they spent, and reservations cost less to settle."""
    script = SPANS + (RESERVATIONS if dialect == "sqlite" else "") + OPEN
    return split(script.format(**WORDS[dialect]))


BUDGETS = """
INSERT INTO budgets (org, scope, claude_code_nano)
SELECT org, 'module:' || module || ':' || CAST(bucket / 12 AS {text})
  || CASE WHEN bucket % 12 < 9 THEN '-0' ELSE '-' END || CAST(bucket % 12 + 1 AS {text}), sum(cost_nano)
FROM rollups WHERE grain = 'month' AND source = 'claude_code' AND billing <> 'plan' GROUP BY org, module, bucket
ON CONFLICT (org, scope) DO UPDATE SET claude_code_nano = excluded.claude_code_nano
"""


def unknown_billing(_: str) -> list[str]:
    """Migration 5: Claude Code spend of which nobody knows how it is billed counts against a cap, as in hooks."""
    return [BUDGETS.format(text="TEXT").strip()]


NUMBERS = (
    "ts", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "web_searches", "recached_tokens", "cost_nano", "duration_ms",
)  # fmt: skip
TEXTS = (
    "kind", "source", "billing", "user", "machine", "module", "provider", "model", "task", "session_id", "agent_id",
    "agent_type", "branch", "price_source", "status", "correlation_id",
)  # fmt: skip
MOST_TOKENS, MOST_NANO, LATEST = 1_000_000_000_000, 10_000_000_000_000_000, 7_258_118_400_000_000
ABSURD = " OR ".join(
    [
        "ts <= 0",
        f"ts >= {LATEST}",
        *(f"{name} > {MOST_TOKENS}" for name in NUMBERS[1:9]),
        f"cost_nano > {MOST_NANO}",
    ]
)
OUTSIDE = f"first_ts <= 0 OR last_ts >= {LATEST}"
SET_ASIDE = """
CREATE TABLE events_set_aside (
  org {text} NOT NULL,
  event_id {text} NOT NULL,
  fact {text} NOT NULL,
  PRIMARY KEY (org, event_id)
) {clustered};
INSERT INTO events_set_aside SELECT org, event_id, {fact} FROM events WHERE {absurd};
DELETE FROM events WHERE {absurd};
UPDATE orgs SET zone_offsets = '' WHERE org IN (SELECT org FROM events_set_aside);
INSERT INTO sessions SELECT org, session_id, min(ts), max(ts) FROM events
  WHERE (org, session_id) IN (SELECT org, session_id FROM sessions WHERE {outside}) GROUP BY org, session_id
  ON CONFLICT (org, session_id) DO UPDATE SET first_ts = excluded.first_ts, last_ts = excluded.last_ts;
DELETE FROM sessions WHERE {outside};
"""
"""Without the fingerprint of its zone an organisation's sums are made anew when the ledger is opened."""
FACT = {"sqlite": "json_object({})", "postgresql": "json_build_object({})::text"}


def set_aside(dialect: str) -> list[str]:
    """Migration 6: rows that cannot be facts (a date of year 1, 2**63 tokens) are set aside: no sum could hold them."""
    named = ", ".join(f"'{name}', \"{name}\"" for name in (*TEXTS, *NUMBERS))
    fact = FACT[dialect].format(named)
    return split(SET_ASIDE.format(**WORDS[dialect], fact=fact, absurd=ABSURD, outside=OUTSIDE))


def outcome_kinds(_: str) -> list[str]:
    """Migration 7: an outcome tells how it is known: said by a person, or shown by what happened."""
    return ["ALTER TABLE outcomes ADD COLUMN kind TEXT NOT NULL DEFAULT 'said'"]


NAMES = ("part_of", "effort", "entrypoint", "skill", "plugin", "mcp_server", "mcp_tool")
COLUMN = "ALTER TABLE events ADD COLUMN {name} {text} NOT NULL DEFAULT ''"
PARTS = """
UPDATE events SET part_of = substr(event_id, 1, length(event_id) - length(model) - 1)
WHERE source = 'claude_code' AND model <> '' AND substr(event_id, length(event_id) - length(model)) = '+' || model
"""
SUMS = "UPDATE orgs SET zone_offsets = '' WHERE org IN (SELECT org FROM events WHERE part_of <> '')"
"""Without the fingerprint of its zone an organisation's sums are made anew when the ledger is opened."""


def parts_and_traits(dialect: str) -> list[str]:
    """Migration 8: what another model ran for a response is a part of it, no response; what a response came of."""
    added = [COLUMN.format(name=name, text=WORDS[dialect]["text"]) for name in NAMES]
    return [*added, PARTS.strip(), SUMS]
