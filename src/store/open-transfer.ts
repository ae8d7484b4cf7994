import type { DatabaseUrl } from '../config/parse.ts';
import { openPostgresSource, openPostgresTarget } from './postgres/transfer.ts';
import { openSqliteSource, openSqliteTarget } from './sqlite/transfer.ts';
import type { TransferSource, TransferTarget } from './transfer.ts';

/** The store that a move reads. */
export async function openSource(database: DatabaseUrl): Promise<TransferSource> {
  return database.kind === 'sqlite'
    ? openSqliteSource(database.path)
    : openPostgresSource(database.url);
}

/** The store that a move writes. */
export async function openTarget(database: DatabaseUrl): Promise<TransferTarget> {
  return database.kind === 'sqlite'
    ? openSqliteTarget(database.path)
    : openPostgresTarget(database.url);
}
