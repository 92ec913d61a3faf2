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
