"""Migration 4: sessions are found by when they spent, and reservations cost less to settle."""

TITLE = "spans of sessions, smaller reservations"

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

WORDS = {
    "sqlite": {"integer": "INTEGER", "text": "TEXT", "clustered": "STRICT, WITHOUT ROWID"},
    "postgresql": {"integer": "BIGINT", "text": 'TEXT COLLATE "C"', "clustered": ""},
}


def statements(dialect: str) -> list[str]:
    """The statements of this migration for `sqlite` or `postgresql`."""
    script = SPANS + (RESERVATIONS if dialect == "sqlite" else "") + OPEN
    return [
        statement.strip() for statement in script.format(**WORDS[dialect]).split(";\n") if statement.strip()
    ]
