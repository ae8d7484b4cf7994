-- expand: What operators see and mend. Nothing here has to be kept up by a task that is stored and delivered at its first attempt.

-- Of its last attempt, or why it waits or ended without one; NULL once delivered, and before the first.
ALTER TABLE deliveries ADD COLUMN error_class TEXT;

UPDATE deliveries
SET error_class = CASE
  WHEN last_error = 'unreachable' OR substr(last_error, 1, 5) = 'http_' THEN
    (SELECT a.error_class FROM attempts a WHERE a.seq = deliveries.seq ORDER BY a.number DESC LIMIT 1)
  ELSE last_error END
WHERE state = 'dead' OR state = 'cancelled';

-- Pages of the list with that filter. Partial: only what is rare beside tasks, or went wrong, is in them. (OR, and not IN
-- or <>: SQLite sees that one alternative implies it.)
CREATE INDEX deliveries_opscore ON deliveries (kind, seq) WHERE kind = 'webhook' OR kind = 'state_report';
CREATE INDEX deliveries_undelivered ON deliveries (state, seq) WHERE state = 'dead' OR state = 'cancelled';
CREATE INDEX deliveries_dead_of_agent ON deliveries (agent_id, seq) WHERE state = 'dead';
CREATE INDEX deliveries_error ON deliveries (error_class, seq) WHERE error_class IS NOT NULL;

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
