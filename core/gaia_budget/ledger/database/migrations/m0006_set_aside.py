"""Migration 6: rows that cannot be facts (a date of year 1, 2**63 tokens) are set aside: no sum could hold them."""

TITLE = "rows that cannot be facts are set aside"

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
SCRIPT = """
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

WORDS = {
    "sqlite": {"text": "TEXT", "clustered": "STRICT, WITHOUT ROWID", "fact": "json_object({})"},
    "postgresql": {"text": 'TEXT COLLATE "C"', "clustered": "", "fact": "json_build_object({})::text"},
}


def statements(dialect: str) -> list[str]:
    """The statements of this migration for `sqlite` or `postgresql`."""
    words = WORDS[dialect]
    named = ", ".join(f"'{name}', \"{name}\"" for name in (*TEXTS, *NUMBERS))
    script = SCRIPT.format(**{**words, "fact": words["fact"].format(named)}, absurd=ABSURD, outside=OUTSIDE)
    return [statement.strip() for statement in script.split(";\n") if statement.strip()]
