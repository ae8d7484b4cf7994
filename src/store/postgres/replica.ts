import type { Clock } from '../../clock.ts';
import type { Replica, ReplicaListener } from '../store.ts';
import { DATABASE_TIME } from './anchored-clock.ts';
import { Cancellations } from './cancellations.ts';
import type { ConnectionMode } from './connection.ts';
import { sql, type Database } from './database.ts';
import type { Hint, Hints } from './hints.ts';
import { Listener } from './listener.ts';

const renew = sql(
  'replicas_renew',
  `WITH gone AS (DELETE FROM replicas WHERE seen_at < $2::bigint - 60000 AND id <> $1),
  renewed AS (
    INSERT INTO replicas (id, seen_at, clock_at) VALUES ($1, $2::bigint, ${DATABASE_TIME})
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, clock_at = excluded.clock_at)
  SELECT count(*) + 1 AS live FROM replicas WHERE id <> $1 AND seen_at > $2::bigint - $3::bigint`,
);

const leave = sql(
  'replicas_leave',
  `WITH freed AS (UPDATE duties SET until = 0 WHERE holder = $1)
  DELETE FROM replicas WHERE id = $1`,
);

const lead = sql(
  'duties_lead',
  `INSERT INTO duties AS d (name, holder, led_at, until) VALUES ($1, $2, $3::bigint, $3::bigint + $4::bigint)
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, led_at = excluded.led_at, until = excluded.until
    WHERE d.holder = excluded.holder OR d.until <= excluded.led_at
  RETURNING (SELECT b.led_at FROM duties b WHERE b.name = $1) AS led_before`,
);

/** A replica says so often that it is there, and counts until it was silent for so long. */
const RENEW_MS = 1_000;
export const LIVE_MS = 5_000;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly id: string;
  readonly hints: Hints;
  readonly url: string;
  readonly mode: ConnectionMode;
  readonly onDeaf: () => void;
}

/** This replica among the others on the database. */
export class PostgresReplica implements Replica {
  readonly id: string;
  readonly cancellations: Cancellations;
  readonly #options: Options;
  readonly #listener: Listener;
  readonly #subscribers: ReplicaListener[] = [];
  #live = 1;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #answering: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    const { db, clock, id, hints, url, mode, onDeaf } = options;
    this.#options = options;
    this.id = id;
    this.cancellations = new Cancellations({
      db,
      clock,
      self: id,
      tell: hints.tell,
      drop: (taskId) => {
        for (const subscriber of this.#subscribers) subscriber.onCancelled(taskId);
      },
    });
    this.#listener = new Listener({
      url,
      mode,
      self: id,
      onHint: (hint) => this.#heard(hint),
      onListening: () => this.#look(),
      onDeaf,
    });
  }

  /** Resolves once the others can count this one. */
  async start(): Promise<void> {
    await this.#renew();
    this.#schedule();
    this.#listener.start();
  }

  /** The clock that leases are judged by. */
  now(): number {
    return this.#options.clock.now();
  }

  count(): number {
    return this.#live;
  }

  listen(subscriber: ReplicaListener): void {
    this.#subscribers.push(subscriber);
  }

  async lead(
    duty: string,
    now: number,
    forMs: number,
  ): Promise<{ readonly ledAt: number | null } | undefined> {
    const [row] = await this.#options.db.write(lead, [duty, this.id, now, forMs]);
    return row === undefined ? undefined : { ledAt: row['led_before'] as number | null };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#listener.stop();
    await this.#renewing;
    await this.#answering;
    // Others take over at once instead of waiting for our silence to be noticed.
    await this.#options.db.write(leave, [this.id]).catch(() => undefined);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#renewing = this.#renew()
        .then(() => this.#answer())
        // The database is away: how many we are is not to be known, and stays as it was.
        .catch(() => undefined)
        .then(() => this.#schedule());
    }, RENEW_MS).unref();
  }

  async #renew(): Promise<void> {
    const { db, clock } = this.#options;
    const [row] = await db.write(renew, [this.id, clock.now(), LIVE_MS]);
    this.#live = row?.['live'] as number;
  }

  #answer(): Promise<void> {
    this.#answering = this.#answering.then(() =>
      this.cancellations.answer().catch(() => undefined),
    );
    return this.#answering;
  }

  #heard({ kind, subject }: Hint): void {
    if (kind === 'due') for (const subscriber of this.#subscribers) subscriber.onDue();
    if (kind === 'release') for (const subscriber of this.#subscribers) subscriber.onHeld(subject);
    if (kind === 'cancel' && subject === this.id) void this.#answer();
    if (kind === 'freed') this.cancellations.freed(subject);
  }

  /** Hints may have been missed. */
  #look(): void {
    void this.#answer();
    for (const subscriber of this.#subscribers) subscriber.onDue();
  }
}
