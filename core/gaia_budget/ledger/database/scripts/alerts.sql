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
