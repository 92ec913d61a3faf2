CREATE TABLE events (
  org {text} NOT NULL,
  event_id {text} NOT NULL,
  ts {integer} NOT NULL,
  kind {text} NOT NULL,
  source {text} NOT NULL,
  billing {text} NOT NULL,
  "user" {text} DEFAULT '' NOT NULL,
  machine {text} DEFAULT '' NOT NULL,
  module {text} NOT NULL,
  provider {text} DEFAULT '' NOT NULL,
  model {text} DEFAULT '' NOT NULL,
  task {text} DEFAULT '' NOT NULL,
  session_id {text} DEFAULT '' NOT NULL,
  agent_id {text} DEFAULT '' NOT NULL,
  agent_type {text} DEFAULT '' NOT NULL,
  branch {text} DEFAULT '' NOT NULL,
  input_tokens {integer} DEFAULT 0 NOT NULL,
  output_tokens {integer} DEFAULT 0 NOT NULL,
  cache_read_tokens {integer} DEFAULT 0 NOT NULL,
  cache_write_5m_tokens {integer} DEFAULT 0 NOT NULL,
  cache_write_1h_tokens {integer} DEFAULT 0 NOT NULL,
  reasoning_tokens {integer} DEFAULT 0 NOT NULL,
  web_searches {integer} DEFAULT 0 NOT NULL,
  recached_tokens {integer} DEFAULT 0 NOT NULL,
  cost_nano {integer} CHECK (cost_nano >= 0),
  price_source {text} DEFAULT '' NOT NULL,
  status {text} DEFAULT '' NOT NULL,
  duration_ms {integer},
  correlation_id {text} DEFAULT '' NOT NULL,
  PRIMARY KEY (org, event_id),
  CHECK ((input_tokens | output_tokens | cache_read_tokens | cache_write_5m_tokens | cache_write_1h_tokens |
    reasoning_tokens | web_searches | recached_tokens) >= 0),
  CHECK (kind = 'response' OR kind = 'unattributed' OR kind = 'cache_hit' OR kind = 'failed'),
  CHECK (source = 'app' OR source = 'claude_code'),
  CHECK (billing = 'api' OR billing = 'plan' OR billing = 'unknown'),
  CHECK (recached_tokens <= input_tokens + cache_write_5m_tokens + cache_write_1h_tokens)
) {strict};
CREATE INDEX events_session ON events (org, session_id);
CREATE INDEX events_ts ON events (org, ts);
CREATE TABLE rollups (
  org {text} NOT NULL,
  grain {text} NOT NULL,
  bucket {integer} NOT NULL,
  module {text} NOT NULL,
  provider {text} NOT NULL,
  model {text} NOT NULL,
  task {text} NOT NULL,
  source {text} NOT NULL,
  billing {text} NOT NULL,
  events {integer} DEFAULT 0 NOT NULL,
  responses {integer} DEFAULT 0 NOT NULL,
  unpriced_responses {integer} DEFAULT 0 NOT NULL,
  input_tokens {integer} DEFAULT 0 NOT NULL,
  output_tokens {integer} DEFAULT 0 NOT NULL,
  cache_read_tokens {integer} DEFAULT 0 NOT NULL,
  cache_write_5m_tokens {integer} DEFAULT 0 NOT NULL,
  cache_write_1h_tokens {integer} DEFAULT 0 NOT NULL,
  reasoning_tokens {integer} DEFAULT 0 NOT NULL,
  web_searches {integer} DEFAULT 0 NOT NULL,
  recached_tokens {integer} DEFAULT 0 NOT NULL,
  cost_nano {integer} DEFAULT 0 NOT NULL,
  PRIMARY KEY (org, grain, bucket, module, provider, model, task, source, billing),
  CHECK ((events | responses | unpriced_responses | input_tokens | output_tokens | cache_read_tokens |
    cache_write_5m_tokens | cache_write_1h_tokens | reasoning_tokens | web_searches | recached_tokens |
    cost_nano) >= 0),
  CHECK (grain = 'hour' OR grain = 'day' OR grain = 'month')
) {clustered};
CREATE TABLE bookmarks (
  org {text} NOT NULL,
  machine {text} NOT NULL,
  source {text} NOT NULL,
  position {integer} NOT NULL,
  state {text} DEFAULT '' NOT NULL,
  PRIMARY KEY (org, machine, source)
) {clustered};
CREATE TABLE orgs (
  org {text} NOT NULL,
  zone {text} NOT NULL,
  zone_offsets {text} DEFAULT '' NOT NULL,
  PRIMARY KEY (org)
) {clustered};
CREATE TABLE budgets (
  org {text} NOT NULL,
  scope {text} NOT NULL,
  app_nano {integer} DEFAULT 0 NOT NULL CHECK (app_nano >= 0),
  claude_code_nano {integer} DEFAULT 0 NOT NULL CHECK (claude_code_nano >= 0),
  assumed_nano {integer} DEFAULT 0 NOT NULL CHECK (assumed_nano >= 0),
  reserved_nano {integer} DEFAULT 0 NOT NULL CHECK (reserved_nano >= 0),
  override_nano {integer} DEFAULT 0 NOT NULL CHECK (override_nano >= 0),
  limit_nano {integer},
  PRIMARY KEY (org, scope)
) {clustered};
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
) {strict};
CREATE INDEX reservations_open ON reservations (org, state, expires_ts);
CREATE TABLE leases (
  org {text} NOT NULL,
  lease_id {text} NOT NULL,
  scope {text} NOT NULL,
  machine {text} DEFAULT '' NOT NULL,
  granted_nano {integer} DEFAULT 0 NOT NULL CHECK (granted_nano >= 0),
  spent_nano {integer} DEFAULT 0 NOT NULL CHECK (spent_nano >= 0),
  assumed_nano {integer} DEFAULT 0 NOT NULL CHECK (assumed_nano >= 0),
  state {text} NOT NULL,
  expires_ts {integer} NOT NULL,
  PRIMARY KEY (org, lease_id),
  CHECK (state = 'active' OR state = 'returned' OR state = 'expired'),
  CHECK (spent_nano <= granted_nano)
) {clustered};
CREATE TABLE overrides (
  org {text} NOT NULL,
  override_id {text} NOT NULL,
  module {text} NOT NULL,
  amount_nano {integer} DEFAULT 0 NOT NULL CHECK (amount_nano >= 0),
  used_nano {integer} DEFAULT 0 NOT NULL CHECK (used_nano >= 0),
  reason {text} NOT NULL,
  granted_by {text} DEFAULT '' NOT NULL,
  created_ts {integer} NOT NULL,
  expires_ts {integer} NOT NULL,
  revoked_ts {integer},
  PRIMARY KEY (org, override_id),
  CHECK (used_nano <= amount_nano)
) {clustered};
CREATE TABLE override_draws (
  org {text} NOT NULL,
  override_id {text} NOT NULL,
  scope {text} NOT NULL,
  drawn_nano {integer} DEFAULT 0 NOT NULL CHECK (drawn_nano >= 0),
  PRIMARY KEY (org, override_id, scope)
) {clustered};
CREATE TABLE alerts_fired (
  org {text} NOT NULL,
  alert_id {text} NOT NULL,
  rule {text} NOT NULL,
  module {text} NOT NULL,
  severity {text} NOT NULL,
  percent {integer},
  cause {text} DEFAULT '' NOT NULL,
  next_step {text} DEFAULT '' NOT NULL,
  fired_ts {integer} NOT NULL,
  PRIMARY KEY (org, alert_id)
) {strict};
CREATE TABLE outcomes (
  org {text} NOT NULL,
  outcome_id {text} NOT NULL,
  ts {integer} NOT NULL,
  module {text} DEFAULT '' NOT NULL,
  task {text} NOT NULL,
  model {text} NOT NULL,
  ok {integer} NOT NULL,
  reason {text} DEFAULT '' NOT NULL,
  PRIMARY KEY (org, outcome_id),
  CHECK (ok IN (0, 1))
) {strict};
CREATE VIEW api_costs AS
SELECT row_number() OVER (ORDER BY ts, event_id) AS id, {timestamp} AS timestamp, model, task,
  input_tokens, output_tokens, cache_read_tokens AS cache_tokens, cost_nano / 1000000000.0 AS cost_usd
FROM events WHERE module = 'jseeker' AND source = 'app';
