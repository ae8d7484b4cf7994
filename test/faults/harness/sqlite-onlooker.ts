import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { tempDir } from '../../helpers/service-process.ts';
import {
  SELECT_AGENTS,
  SELECT_ATTEMPTS,
  SELECT_DELIVERIES,
  toAgent,
  toDeliveries,
  toLeased,
  type Onlooker,
} from './onlooker.ts';

/** Of the one service on a file in this folder. */
export function sqliteOnlooker(folder: string): Onlooker {
  const path = join(folder, 'agentkit.db');
  const elsewhere = tempDir();

  function read<T>(file: string, work: (db: DatabaseSync) => T): T {
    const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  const all = (sql: string) => read(path, (db) => db.prepare(sql).all());

  return {
    urlFor: () => `sqlite:${path}`,
    settled: async () => undefined,
    leasedBy: async () => {
      // From a copy: what a crash left is for the service alone to recover from.
      const copy = join(elsewhere, 'copy.db');
      if (!existsSync(path)) return new Map();
      copyFileSync(path, copy);
      if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
      return read(copy, (db) => {
        const leased = db.prepare(
          "SELECT id, attempt_count FROM deliveries WHERE state = 'scheduled' AND lease_owner IS NOT NULL",
        );
        return toLeased(leased.all());
      });
    },
    scheduled: async () =>
      Number(all("SELECT count(*) AS n FROM deliveries WHERE state = 'scheduled'")[0]?.['n']),
    deliveries: async () => toDeliveries(all(SELECT_DELIVERIES), all(SELECT_ATTEMPTS)),
    agents: async () => all(SELECT_AGENTS).map(toAgent),
    verify: async () => {
      const [verdict] = all('PRAGMA integrity_check');
      if (verdict?.['integrity_check'] !== 'ok') throw new Error(JSON.stringify(verdict));
    },
  };
}
