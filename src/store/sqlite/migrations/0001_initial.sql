-- Times are epoch milliseconds. docs/architecture.md explains the tables.

CREATE TABLE agents (
  agent_id         TEXT PRIMARY KEY,
  agent_name       TEXT NOT NULL UNIQUE,
  version          TEXT NOT NULL,
  contact_endpoint TEXT NOT NULL,
  capabilities     TEXT NOT NULL, -- JSON array of strings
  metadata         TEXT NOT NULL, -- JSON object
  -- Sealed when AGENTKIT_ENCRYPTION_KEY is set; the previous one while a rotation overlaps.
  signing_secret        TEXT NOT NULL,
  previous_secret       TEXT,
  previous_secret_until INTEGER,
  previous_secret_hex_until INTEGER,
  -- SHA-256 of the agent's tokens.
  token_hash           TEXT NOT NULL,
  previous_token_hash  TEXT,
  previous_token_until INTEGER,
  owner            TEXT, -- name of the key that registered it
  status           TEXT NOT NULL,
  registered_at    INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  last_seen_at     INTEGER NOT NULL,
  lease_seconds    INTEGER,
  lease_expires_at INTEGER,
  offline_at       INTEGER,
  unreachable_at   INTEGER,
  revision         INTEGER NOT NULL -- agent_events.seq of its last change
) STRICT, WITHOUT ROWID;

CREATE INDEX agents_lease ON agents (lease_expires_at) WHERE lease_expires_at IS NOT NULL AND offline_at IS NULL;
CREATE INDEX agents_offline ON agents (offline_at) WHERE offline_at IS NOT NULL;
CREATE INDEX agents_version ON agents (version, agent_id);
CREATE INDEX agents_status ON agents (status, agent_id);

-- One row per capability and per top-level metadata key: a filtered page costs what is on it, not what there is.
CREATE TABLE agent_tags (
  tag      TEXT NOT NULL, -- 'c:' capability, 'm:' metadata key
  agent_id TEXT NOT NULL,
  PRIMARY KEY (tag, agent_id)
) STRICT, WITHOUT ROWID;

-- What happened to agents, for those who reconcile after an outage. AUTOINCREMENT: a seq is never used twice.
CREATE TABLE agent_events (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  type     TEXT NOT NULL,
  at       INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  agent    TEXT -- JSON as it was then, without secrets; NULL once deregistered
) STRICT;

CREATE UNIQUE INDEX agents_token ON agents (token_hash);
CREATE INDEX agents_previous_token ON agents (previous_token_hash) WHERE previous_token_hash IS NOT NULL;

-- Only the few agents whose deregistration is under way are in it.
CREATE INDEX agents_deregistering ON agents (agent_id) WHERE status = 'deregistering';

-- The hot row. seq is the order of acceptance, and sequential: a random key cost a factor of 3.
CREATE TABLE deliveries (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  kind          TEXT NOT NULL,
  agent_id      TEXT NOT NULL,
  lane          TEXT NOT NULL,
  ordered       INTEGER NOT NULL,
  name          TEXT NOT NULL,
  state         TEXT NOT NULL,
  due_at        INTEGER NOT NULL, -- next attempt; under a lease: the end of the lease
  lease_owner   TEXT,
  epoch         INTEGER NOT NULL,
  attempt_count INTEGER NOT NULL,
  unburnt_count INTEGER NOT NULL DEFAULT 0, -- attempts that do not count against the retry schedule
  created_at    INTEGER NOT NULL,
  finished_at   INTEGER,
  last_error    TEXT
) STRICT;

-- Partial: their size is that of the backlog, not of the history.
CREATE INDEX deliveries_due ON deliveries (lane, due_at) WHERE state = 'scheduled';
CREATE INDEX deliveries_order ON deliveries (lane, seq) WHERE state = 'scheduled' AND ordered = 1;
CREATE INDEX deliveries_of_agent ON deliveries (agent_id, kind, seq);

-- Immutable bytes apart from the hot row: an update of the state never rewrites them.
CREATE TABLE payloads (
  seq         INTEGER PRIMARY KEY,
  body        BLOB NOT NULL,
  traceparent TEXT
) STRICT;

CREATE TABLE attempts (
  seq              INTEGER NOT NULL,
  number           INTEGER NOT NULL,
  started_at       INTEGER NOT NULL,
  duration_ms      INTEGER NOT NULL,
  outcome          TEXT NOT NULL,
  status_code      INTEGER,
  error_class      TEXT,
  response_excerpt TEXT,
  PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;

-- One row per lane with something scheduled. due_at is a lower bound of the lane's earliest due time:
-- a claim looks at the lanes that are due, so its cost does not grow with the backlog.
-- hold_until keeps it from being looked at earlier: an agent that is offline, unreachable or paused.
CREATE TABLE lanes (
  lane       TEXT PRIMARY KEY,
  due_at     INTEGER NOT NULL,
  hold_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_due ON lanes (due_at);

-- For a start after a crash: the leases in held lanes are given back as well.
CREATE INDEX lanes_held ON lanes (lane) WHERE hold_until > 0;

CREATE TABLE idempotency_keys (
  agent_id   TEXT NOT NULL,
  key        TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  task_id    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (agent_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE api_keys (
  name           TEXT PRIMARY KEY,
  scope          TEXT NOT NULL,
  hash           TEXT NOT NULL UNIQUE, -- SHA-256
  prefix         TEXT NOT NULL,
  created_at     INTEGER NOT NULL,
  previous_hash  TEXT,
  previous_until INTEGER
) STRICT, WITHOUT ROWID;

-- When a configured value was first told: an overlap is counted from there, over restarts.
CREATE TABLE first_seen (
  name    TEXT PRIMARY KEY,
  value   TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Readiness writes here: only a write tells that the disk takes one.
CREATE TABLE write_probe (probes INTEGER NOT NULL) STRICT;
INSERT INTO write_probe (probes) VALUES (0);
