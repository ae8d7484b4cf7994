import type { Clock } from '../../clock.ts';
import { sql, type Database } from './database.ts';

/** The database's clock, as an SQL expression: whole milliseconds. */
export const DATABASE_TIME = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const askTime = sql(
  'clock',
  'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS ms',
);

// What a replica says was on its way for a while: the least delayed of them is nearest to the truth.
const askOthers = sql(
  'clock_others',
  `SELECT max(seen_at - clock_at) AS ahead FROM replicas WHERE abs(clock_at - ${DATABASE_TIME}) < $1::bigint`,
);

/** Round trips of one anchoring: the shortest tells the time best, half of it is the most that it can be off. */
const SAMPLES = 5;

/** How often the drift against the database's clock is looked at, and how much of it is made good at a time. */
const ANCHOR_MS = 60_000;
const MAX_STEP_MS = 50;

/** Who said something within this is there (they do so every second). */
const FRESH_MS = 5_000;

/** By less than this the others differ from the database only because their word was on its way. */
const JUMP_MS = 1_000;

export interface AnchoredClock extends Clock {
  stop(): void;
}

/**
 * The scheduling clock of a replica: the database's, carried on by the monotonic clock of this machine. Replicas whose
 * own clocks differ by hours agree on due times and leases by a few milliseconds. A database clock that jumps is
 * followed by 50 ms a minute, and who joins later takes over the time that the others keep: no lease ends early for it,
 * no retry storm.
 */
export async function createAnchoredClock(db: Database): Promise<AnchoredClock> {
  let offset = (await measure(db)) + (await jumped(db));
  let last = 0;
  const timer = setInterval(() => {
    measure(db).then(
      (measured) => {
        offset += Math.max(-MAX_STEP_MS, Math.min(MAX_STEP_MS, measured - offset));
      },
      // The monotonic clock carries on; the next look makes it good.
      () => undefined,
    );
  }, ANCHOR_MS);
  timer.unref();

  return {
    wall: () => Date.now(),
    now: () => {
      last = Math.max(last, Math.round(offset + performance.now()));
      return last;
    },
    stop: () => clearInterval(timer),
  };
}

/** What to add to `performance.now()` for the database's time. */
async function measure(db: Database): Promise<number> {
  let best = { delay: Number.POSITIVE_INFINITY, offset: 0 };
  for (let i = 0; i < SAMPLES; i += 1) {
    const sent = performance.now();
    const [row] = await db.read(askTime);
    const received = performance.now();
    const delay = received - sent;
    if (delay < best.delay) {
      best = { delay, offset: (row?.['ms'] as number) - (sent + received) / 2 };
    }
  }
  return best.offset;
}

/** How far the time that the others keep is ahead of the database's, since that one jumped; 0 = it did not. */
async function jumped(db: Database): Promise<number> {
  const [row] = await db.read(askOthers, [FRESH_MS]);
  const ahead = (row?.['ahead'] as number | null | undefined) ?? 0;
  return Math.abs(ahead) < JUMP_MS ? 0 : ahead;
}
