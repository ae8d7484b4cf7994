import pg from 'pg';
import { StoreUnavailableError } from '../store.ts';
import { isRefusal, isSilence } from './errors.ts';

/** How long one look at a silent database takes at most, and the pause after it. */
const LOOK_MS = 2_000;
const PAUSE_MS = 250;

interface Options {
  /** How a connection is made to look by. */
  readonly connection: pg.ClientConfig;
  /** No connection that there is can be trusted any more. */
  readonly onSilent: () => void;
}

/**
 * Whether the database is silent, as behind a network that swallows everything. There each question waits for seconds,
 * and those behind it wait for a connection: so once one has waited in vain all others are refused at once, until a
 * connection of its own gets an answer again.
 */
export class Silence {
  readonly #options: Options;
  #silent = false;
  #stopped = false;
  #answeredAt = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @returns when it was asked. @throws StoreUnavailableError at once while the database is silent. */
  ask(): number {
    if (this.#silent) throw new StoreUnavailableError('PostgreSQL does not answer');
    return performance.now();
  }

  answered(): void {
    this.#answeredAt = performance.now();
  }

  failed(askedAt: number, error: unknown): void {
    if (isRefusal(error)) this.answered();
    // What waited in vain on one connection says nothing when another has heard since.
    if (!isSilence(error) || this.#silent || this.#answeredAt >= askedAt) return;
    this.#silent = true;
    this.#options.onSilent();
    void this.#listen();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #listen(): Promise<void> {
    while (!this.#stopped && !(await this.#isHeard())) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
    }
    this.#silent = false;
  }

  async #isHeard(): Promise<boolean> {
    const client = new pg.Client({
      ...this.#options.connection,
      connectionTimeoutMillis: LOOK_MS,
      query_timeout: LOOK_MS,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch (error) {
      return isRefusal(error);
    } finally {
      void client.end().catch(() => undefined);
    }
  }
}
