-- expand: What operators see and mend.

-- First what locks whole tables, in the order in which a completion goes through them, and takes no time; then what takes
-- time, with nothing left to wait for. Replicas that are at work wait at one table and have another meanwhile: a lock that
-- came later would end as a deadlock, and all would begin anew.

-- Of the last attempt of what is scheduled, or why it waits; NULL before the first.
ALTER TABLE schedule ADD COLUMN error_class text COLLATE "C";

-- What ended without being delivered: dead letters, and what was cancelled. A table and not an index of deliveries: that
-- would have a column that changes, and no completion would be HOT any more. By triggers, so that replicas of the version
-- before keep it up as well.
CREATE TABLE undelivered (
  seq         bigint PRIMARY KEY,
  state       text COLLATE "C" NOT NULL,
  agent_id    text COLLATE "C" NOT NULL,
  error_class text COLLATE "C"
);

CREATE FUNCTION keep_undelivered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.state NOT IN ('dead', 'cancelled') THEN
    DELETE FROM undelivered WHERE seq = OLD.seq;
    RETURN NULL;
  END IF;
  INSERT INTO undelivered (seq, state, agent_id, error_class)
  VALUES (NEW.seq, NEW.state, NEW.agent_id, CASE
    WHEN NEW.last_error = 'unreachable' OR starts_with(NEW.last_error, 'http_') THEN
      (SELECT a.error_class FROM attempts a WHERE a.seq = NEW.seq ORDER BY a.number DESC LIMIT 1)
    ELSE NEW.last_error END)
  ON CONFLICT (seq) DO UPDATE SET state = excluded.state, error_class = excluded.error_class;
  RETURN NULL;
END $$;

CREATE TRIGGER deliveries_undelivered AFTER UPDATE OF state ON deliveries FOR EACH ROW
  WHEN (NEW.state IN ('dead', 'cancelled') OR OLD.state IN ('dead', 'cancelled'))
  EXECUTE FUNCTION keep_undelivered();
CREATE TRIGGER deliveries_undelivered_gone AFTER DELETE ON deliveries FOR EACH ROW
  WHEN (OLD.state IN ('dead', 'cancelled'))
  EXECUTE FUNCTION keep_undelivered();

-- The lane of what is not in the one that its kind and agent say: reports that go before DEREGISTER.
ALTER TABLE payloads ADD COLUMN lane text COLLATE "C";

-- Where the time of an attempt went, and the span that it was in its trace.
ALTER TABLE attempts
  ADD COLUMN connected_ms bigint,
  ADD COLUMN answered_ms bigint,
  ADD COLUMN span_id text COLLATE "C";

-- An operator holds the lane, beside whatever hold_until says: no sign of life ends that. Its due_at is without end.
-- Replicas of the version before mind no pause.
ALTER TABLE lanes ADD COLUMN paused_at bigint;

INSERT INTO undelivered (seq, state, agent_id, error_class)
SELECT d.seq, d.state, d.agent_id, CASE
  WHEN d.last_error = 'unreachable' OR starts_with(d.last_error, 'http_') THEN
    (SELECT a.error_class FROM attempts a WHERE a.seq = d.seq ORDER BY a.number DESC LIMIT 1)
  ELSE d.last_error END
FROM deliveries d WHERE d.state IN ('dead', 'cancelled');

CREATE INDEX undelivered_state ON undelivered (state, seq);
CREATE INDEX undelivered_of_agent ON undelivered (agent_id, state, seq);
CREATE INDEX undelivered_error ON undelivered (error_class, seq) WHERE error_class IS NOT NULL;

-- Pages of the list with that filter; none of their columns ever changes, and no task is in them.
CREATE INDEX deliveries_opscore ON deliveries (kind, seq) WHERE kind <> 'task';
CREATE INDEX deliveries_opscore_of_agent ON deliveries (agent_id, seq) WHERE kind <> 'task';

-- What went wrong and is tried again, and which lanes are paused: few among many.
CREATE INDEX schedule_error ON schedule (error_class, seq) WHERE error_class IS NOT NULL;
CREATE INDEX lanes_paused ON lanes (lane) WHERE paused_at IS NOT NULL;

-- Dead letters that are sent again, many by one order.
CREATE TABLE replays (
  id          text COLLATE "C" PRIMARY KEY, -- UUIDv7: in the order in which they were made
  state       text COLLATE "C" NOT NULL,
  -- The filter.
  kind        text COLLATE "C",
  agent_id    text COLLATE "C",
  error_class text COLLATE "C",
  since       bigint,
  until       bigint,
  created_at  bigint NOT NULL, -- what died later is none of it
  created_by  text COLLATE "C",
  finished_at bigint,
  last_seq    bigint NOT NULL, -- the last delivery that there was
  cursor      bigint NOT NULL, -- up to which delivery they had their turn
  total       bigint NOT NULL,
  replayed    bigint NOT NULL,
  skipped     bigint NOT NULL
);

CREATE INDEX replays_running ON replays (id) WHERE state = 'running';
