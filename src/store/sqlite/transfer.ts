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
        const insert = prepare('deliveries', [...columns, 'ordered']);
        for (const row of rows) insert.run(...toDelivery(columns, row));
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

/** What has ended has its end for its due time, and nobody holds a lease that its epoch would have to outnumber. */
function toDelivery(columns: readonly string[], row: CarriedRow): Value[] {
  const at = (column: string) => row[columns.indexOf(column)] as Value;
  const ended: Record<string, Value> = { due_at: at('finished_at'), epoch: 0 };
  return [
    ...columns.map((column, index) => row[index] ?? ended[column] ?? null),
    isOrdered(at('lane') as string) ? 1 : 0,
  ];
}
