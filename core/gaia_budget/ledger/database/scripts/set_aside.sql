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
