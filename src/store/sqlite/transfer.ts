import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isOrdered } from '../../outbox/delivery.ts';
import { readMigrations, requireVersion } from '../migrations.ts';
import { StoreUnavailableError } from '../store.ts';
import type { CarriedRow, TransferSource, TransferTarget, Uncarried, Value } from '../transfer.ts';
import { lockFile, MIGRATIONS, openDatabase, schemaVersion } from './database.ts';
import { NEVER } from './lanes.ts';
import { createReading } from './transfer-reading.ts';

export const UNCARRIED: Uncarried = {
  elsewhere: {
    'failures.seq': 'deliveries.seq',
    'failures.state': 'deliveries.state',
    'failures.agent_id': 'deliveries.agent_id',
    'failures.error_class': 'deliveries.error_class',
    'lanes.lane': 'holds.lane',
    'lanes.hold_until': 'holds.hold_until',
    'lanes.paused_at': 'holds.paused_at',
  },
  dropped: {
    'deliveries.ordered': 'follows from the lane',
    'deliveries.lease_owner': 'leases are given back',
    'lanes.due_at': 'follows from what is scheduled in the lane',
    'schema_version.*': 'of the schema, not of what is in it',
    'write_probe.*': 'only written to, never read',
  },
};

/** A service that was told to stop is given so long to let go of the file. */
const LOCK_WAIT_MS = 1_000;

/**
 * Opens a file that no service runs on, for reading alone, and holds its lock until it is closed.
 * @throws StoreUnavailableError when there is none, when a service runs on it, or when its schema is another.
 */
export function openSqliteSource(path: string): TransferSource {
  if (!existsSync(path)) throw new StoreUnavailableError(`there is no database ${path}`);
  const lock = lockFile(`${path}.lock`, LOCK_WAIT_MS);
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    requireVersion(readMigrations(MIGRATIONS), schemaVersion(db).version);
    const close = async () => {
      db.close();
      lock.close();
    };
    return { ...createReading(db), close };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Opens a file that no service runs on, creates it if need be, and writes it in one transaction. */
export function openSqliteTarget(path: string): TransferTarget {
  const database = openDatabase(path, LOCK_WAIT_MS);
  const { db } = database;
  const inserts = new Map<string, StatementSync>();
  const prepare = (name: string, columns: readonly string[]): StatementSync => {
    const known = inserts.get(name);
    if (known !== undefined) return known;
    const marks = columns.map(() => '?').join(', ');
    const insert = db.prepare(`INSERT INTO ${name} (${columns.join(', ')}) VALUES (${marks})`);
    inserts.set(name, insert);
    return insert;
  };

  return {
    ...createReading(db),
    begin: async () => {
      db.exec('BEGIN IMMEDIATE; DELETE FROM first_seen');
    },
    write: async (table, rows) => {
      const columns = Object.keys(table.columns);
      if (table.name === 'last_event') {
        db.exec("DELETE FROM sqlite_sequence WHERE name = 'agent_events'");
        prepare('sqlite_sequence', ['name', 'seq']).run('agent_events', rows[0]?.[0] as number);
      } else if (table.name === 'holds') {
        const insert = prepare('lanes', [...columns, 'due_at']);
        for (const row of rows) insert.run(...row, NEVER);
      } else if (table.name === 'deliveries') {
        const own = columns.filter((column) => column !== 'error_class');
        const insert = prepare('deliveries', [...own, 'ordered']);
        const fail = prepare('failures', FAILURE);
        for (const row of rows) {
          const delivery = toDelivery(columns, row);
          insert.run(...own.map((column) => delivery[column] ?? null), delivery['ordered'] ?? 0);
          if (hasFailed(delivery)) fail.run(...FAILURE.map((column) => delivery[column] ?? null));
        }
      } else {
        const insert = prepare(table.name, columns);
        for (const row of rows) insert.run(...row);
      }
    },
    derive: async () => {
      db.exec(`
        INSERT INTO lanes (lane, due_at) SELECT lane, min(due_at) FROM deliveries WHERE state = 'scheduled' GROUP BY lane
        ON CONFLICT (lane) DO UPDATE SET due_at = max(excluded.due_at, hold_until) WHERE paused_at IS NULL`);
    },
    commit: async () => {
      db.exec('COMMIT');
    },
    close: async () => {
      if (db.isTransaction) db.exec('ROLLBACK');
      database.close();
    },
  };
}

const FAILURE = ['seq', 'state', 'agent_id', 'error_class'] as const;

function hasFailed({ state, error_class: errorClass }: Record<string, Value>): boolean {
  return state === 'dead' || state === 'cancelled' || (errorClass ?? null) !== null;
}

/** What has ended has its end for its due time, and nobody holds a lease that its epoch would have to outnumber. */
function toDelivery(columns: readonly string[], row: CarriedRow): Record<string, Value> {
  const given = Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null]));
  return {
    ...given,
    due_at: given['due_at'] ?? given['finished_at'] ?? null,
    epoch: given['epoch'] ?? 0,
    ordered: isOrdered(given['lane'] as string) ? 1 : 0,
  };
}
