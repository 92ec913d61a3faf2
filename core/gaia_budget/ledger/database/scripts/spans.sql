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
