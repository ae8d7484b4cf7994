-- expand: What operators see and mend. Nothing here has to be kept up by a task that is stored and delivered at its first attempt.

-- What failed at its last attempt, waits or ended without one: dead letters and cancelled ones among it. A table and not
-- indexes of deliveries: with those each completion would be looked at by all of them, which cost 1 of 22 µs.
CREATE TABLE failures (
  seq         INTEGER PRIMARY KEY,
  state       TEXT NOT NULL, -- of the delivery: scheduled, dead or cancelled
  agent_id    TEXT NOT NULL,
  error_class TEXT -- of its last attempt, or why there was none; NULL where it was cancelled before the first
) STRICT;

INSERT INTO failures (seq, state, agent_id, error_class)
SELECT d.seq, d.state, d.agent_id, CASE
  WHEN d.last_error = 'unreachable' OR substr(d.last_error, 1, 5) = 'http_' THEN
    (SELECT a.error_class FROM attempts a WHERE a.seq = d.seq ORDER BY a.number DESC LIMIT 1)
  ELSE d.last_error END
FROM deliveries d WHERE d.state IN ('dead', 'cancelled') OR (d.state = 'scheduled' AND d.last_error IS NOT NULL);

-- Pages of the list with that filter.
CREATE INDEX failures_state ON failures (state, seq);
CREATE INDEX failures_of_agent ON failures (agent_id, state, seq);
CREATE INDEX failures_error ON failures (error_class, seq) WHERE error_class IS NOT NULL;

-- The same. Tasks are not in it. (OR, and not <>: SQLite sees that one alternative implies it.)
CREATE INDEX deliveries_opscore ON deliveries (kind, seq) WHERE kind = 'webhook' OR kind = 'state_report';

-- Where the time of an attempt went, and the span that it was in its trace.
ALTER TABLE attempts ADD COLUMN connected_ms INTEGER;
ALTER TABLE attempts ADD COLUMN answered_ms INTEGER;
ALTER TABLE attempts ADD COLUMN span_id TEXT;

-- An operator holds the lane, beside whatever hold_until says: no sign of life ends that. Its due_at is without end.
ALTER TABLE lanes ADD COLUMN paused_at INTEGER;
CREATE INDEX lanes_paused ON lanes (lane) WHERE paused_at IS NOT NULL;

-- Dead letters that are sent again, many by one order.
CREATE TABLE replays (
  id          TEXT PRIMARY KEY, -- UUIDv7: in the order in which they were made
  state       TEXT NOT NULL,
  -- The filter.
  kind        TEXT,
  agent_id    TEXT,
  error_class TEXT,
  since       INTEGER,
  until       INTEGER,
  created_at  INTEGER NOT NULL, -- what died later is none of it
  created_by  TEXT,
  finished_at INTEGER,
  last_seq    INTEGER NOT NULL, -- the last delivery that there was
  cursor      INTEGER NOT NULL, -- up to which delivery they had their turn
  total       INTEGER NOT NULL,
  replayed    INTEGER NOT NULL,
  skipped     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_running ON replays (id) WHERE state = 'running';
