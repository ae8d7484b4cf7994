import pg from 'pg';
import { StoreUnavailableError } from '../store.ts';
import { connectionOptions, SESSION_LOCALLY, type ConnectionMode } from './connection.ts';
import {
  asUnavailable,
  isConflict,
  isConnectionLost,
  isLostStatement,
  isStalePlan,
} from './errors.ts';
import { Silence } from './silence.ts';
import { toText } from './text.ts';

export type Row = Record<string, unknown>;
export type Value = string | number | boolean | Buffer | null;

/** A statement is prepared once per connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export function sql(name: string, text: string): Statement {
  return { name, text };
}

/**
 * Connections of one replica: two group commits and a claim in flight, changes of agents, and a few reads, which last
 * around a millisecond each. Ten replicas fit into PostgreSQL's default of 100 connections.
 */
const POOL_SIZE = 8;

/** A connection that is cut off without a word shows itself by this; the server gives up before (connection.ts). */
const ANSWER_TIMEOUT_MS = 7_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** A deadlock or a serialisation failure is tried again so often. */
const TRIES = 6;

/** Statements of one transaction; sent without waiting for each other, so a transaction costs few round trips. */
export interface Transaction {
  query(statement: Statement, values?: readonly Value[]): Promise<Row[]>;
  /** Sends COMMIT right behind what is pending. Resolves with its results once it is committed and on disk. */
  commit<T extends readonly unknown[]>(
    ...pending: T
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
}

/** The pool, and how a transaction fails: as a bug, as an outage, or not at all because it is tried again. */
export class Database {
  readonly #url: string;
  readonly #mode: ConnectionMode;
  readonly #silence: Silence;
  #pool: pg.Pool;
  #prepare: boolean;

  constructor(url: string, mode: ConnectionMode) {
    this.#url = url;
    this.#mode = mode;
    this.#prepare = mode.prepare;
    this.#pool = this.#openPool();
    this.#silence = new Silence({
      connection: connectionOptions(url, mode),
      onSilent: () => {
        // Its idle connections would each have to be waited for in vain.
        void this.#pool.end();
        this.#pool = this.#openPool();
      },
    });
  }

  #openPool(): pg.Pool {
    const pool = new pg.Pool({
      ...connectionOptions(this.#url, this.#mode),
      max: POOL_SIZE,
      pipeline: true,
      query_timeout: ANSWER_TIMEOUT_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: 30_000,
    });
    // A broken connection shows itself in its queries; without a listener it would end the process as well.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  }

  /** Reads outside a transaction. */
  async read(statement: Statement, values: readonly Value[] = []): Promise<Row[]> {
    return this.#attempt((client) => this.#query(client, statement, values));
  }

  /** One statement that is a transaction of its own: one round trip. */
  async write(statement: Statement, values: readonly Value[] = []): Promise<Row[]> {
    if (!this.#mode.pooled) return this.read(statement, values);
    const [rows] = await this.transaction((tx) => tx.commit(tx.query(statement, values)));
    return rows;
  }

  /** Runs `work`, which may run again after a conflict, and rolls back what it does not commit. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#attempt(async (client) => {
      const state = { ended: false };
      const pending: Promise<unknown>[] = [client.query('BEGIN')];
      if (this.#mode.pooled) pending.push(client.query(SESSION_LOCALLY));
      // Their failure shows in what follows them.
      for (const promise of pending) promise.catch(() => undefined);
      const tx: Transaction = {
        query: (statement, values = []) => {
          const rows = this.#query(client, statement, values);
          // Whoever gives up half-way need not wait for what is still pending.
          rows.catch(() => undefined);
          return rows;
        },
        commit: async (...results) => {
          state.ended = true;
          const committing = client.query('COMMIT');
          const all = await Promise.all([...results, committing]);
          // The server's COMMIT of a transaction that failed before is a rollback.
          const { command } = await committing;
          if (command !== 'COMMIT') throw new Error(`COMMIT ended as ${command}`);
          return all.slice(0, -1) as never;
        },
      };
      try {
        return await work(tx);
      } finally {
        if (!state.ended) await client.query('ROLLBACK').catch(() => undefined);
      }
    });
  }

  async close(): Promise<void> {
    this.#silence.stop();
    await this.#pool.end();
  }

  async #query(client: pg.PoolClient, statement: Statement, values: readonly Value[]) {
    const { text, name } = statement;
    const bound = values.map((value) => (typeof value === 'string' ? toText(value) : value));
    const config = this.#prepare ? { name, text, values: bound } : { text, values: bound };
    return (await client.query<Row>(config)).rows;
  }

  async #attempt<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let replaced = 0;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#withClient(work);
      } catch (error) {
        // Each of the pool's sessions may have to be replaced before there is one that takes it.
        if (isStalePlan(error) && replaced < POOL_SIZE) {
          replaced += 1;
          tries -= 1;
          continue;
        }
        if (isLostStatement(error) && this.#prepare) this.#prepare = false;
        else if (!isConflict(error) || tries === TRIES) throw asUnavailable(error);
        // Those who collided do not meet again at once.
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * tries));
      }
    }
  }

  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const askedAt = this.#silence.ask();
    let client: pg.PoolClient | undefined;
    let broken = false;
    try {
      client = await this.#pool.connect();
      const answer = await work(client);
      this.#silence.answered();
      return answer;
    } catch (error) {
      this.#silence.failed(askedAt, error);
      broken = isConnectionLost(error) || isLostStatement(error) || isStalePlan(error);
      throw error;
    } finally {
      client?.release(broken);
    }
  }
}

/** @throws StoreUnavailableError when the database cannot be what the service needs. */
export function assertUsable(settings: Row): void {
  if (settings['encoding'] !== 'UTF8') {
    throw new StoreUnavailableError(
      `the database's encoding is ${String(settings['encoding'])}, it has to be UTF8`,
    );
  }
  if (Number(settings['version']) < 140_000) {
    throw new StoreUnavailableError('PostgreSQL 14 or newer is needed');
  }
}
