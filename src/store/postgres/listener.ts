import { once } from 'node:events';
import pg from 'pg';
import { connectionOptions, type ConnectionMode } from './connection.ts';
import { CHANNEL, formatHint, parseHint, type Hint } from './hints.ts';

interface Options {
  readonly url: string;
  readonly mode: ConnectionMode;
  readonly self: string;
  readonly onHint: (hint: Hint) => void;
  /** It listens (again): what was told in between has been missed. */
  readonly onListening: () => void;
  /** Hints do not arrive, for example behind a transaction-mode pooler: everything is found by polling. */
  readonly onDeaf: () => void;
}

/** It says something to itself so often, and has to hear it within so long: a connection that is cut off is silent. */
const PING_EVERY_MS = 2_000;
const PING_TIMEOUT_MS = 2_000;

const RECONNECT_MS = 1_000;

/** Connected, but deaf, twice in a row: that will not change soon. */
const DEAF_TRIES = 2;
const DEAF_RECONNECT_MS = 60_000;

/** LISTEN on a connection of its own, which it watches and replaces. */
export class Listener {
  readonly #options: Options;
  #stopped = false;
  #client: pg.Client | undefined;
  #deaf = 0;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#client?.end().catch(() => undefined);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped()) {
      await this.#session().catch(() => undefined);
      if (this.#deaf === DEAF_TRIES) this.#options.onDeaf();
      await this.#pause(this.#deaf >= DEAF_TRIES ? DEAF_RECONNECT_MS : RECONNECT_MS);
    }
  }

  /** Lasts as long as the connection is heard. */
  async #session(): Promise<void> {
    const { url, mode, self, onHint, onListening } = this.#options;
    const client = new pg.Client({
      ...connectionOptions(url, mode),
      connectionTimeoutMillis: 5_000,
      query_timeout: PING_TIMEOUT_MS,
    });
    this.#client = client;
    let lost = false;
    let heard: string | undefined;
    const isLost = () => lost || this.#isStopped();
    client.on('error', () => {
      lost = true;
      this.#wake();
    });
    client.on('end', () => {
      lost = true;
      this.#wake();
    });
    client.on('notification', ({ payload }) => {
      const hint = parseHint(payload ?? '');
      if (hint === undefined) return;
      if (hint.kind === 'ping') {
        if (hint.from === self) heard = hint.subject;
        this.#wake();
      } else if (hint.from !== self) onHint(hint);
    });
    try {
      // The driver never settles a connect that `end` overtakes.
      await Promise.race([client.connect(), once(client, 'end')]);
      if (isLost()) return;
      await client.query(`LISTEN ${CHANNEL}`);
      for (let n = 1; !isLost(); n += 1) {
        const subject = String(n);
        await client.query('SELECT pg_notify($1, $2)', [
          CHANNEL,
          formatHint({ kind: 'ping', from: self, subject }),
        ]);
        const deadline = performance.now() + PING_TIMEOUT_MS;
        const isHeard = () => heard === subject;
        while (!isHeard() && !isLost() && performance.now() < deadline) {
          await this.#pause(deadline - performance.now());
        }
        if (!isHeard()) {
          if (!isLost()) this.#deaf += 1;
          return;
        }
        this.#deaf = 0;
        if (n === 1) onListening();
        if (!isLost()) await this.#pause(PING_EVERY_MS);
      }
    } finally {
      this.#client = undefined;
      await client.end().catch(() => undefined);
    }
  }

  /** Ends early when something happened. */
  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, ms)).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #isStopped(): boolean {
    return this.#stopped;
  }
}
