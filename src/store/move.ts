import { createHash } from 'node:crypto';
import type { SecretBox } from './secret-box.ts';
import {
  carriedTables,
  type CarriedRow,
  type CarriedTable,
  type TransferSource,
  type TransferTarget,
} from './transfer.ts';

/** The rows of a table, and a checksum over all of what is in them, in order. */
interface Sum {
  readonly rows: number;
  /** SHA-256, hex. */
  readonly checksum: string;
}

export interface TableReport {
  readonly table: string;
  readonly source: Sum;
  readonly target: Sum;
  readonly equal: boolean;
}

export type MoveOutcome =
  /** Everything is there, checked and committed. */
  | { readonly outcome: 'moved'; readonly tables: readonly TableReport[] }
  /** It was there before, the same to the last byte: nothing was written. */
  | { readonly outcome: 'already_there'; readonly tables: readonly TableReport[] }
  /** The target has something else in it: nothing was written. */
  | { readonly outcome: 'not_empty'; readonly contents: Readonly<Record<string, number>> }
  /** What was written does not read back as it was: nothing was committed. */
  | { readonly outcome: 'differs'; readonly tables: readonly TableReport[] };

export interface MoveOptions {
  /** Opens the secrets of the source, as the service will have to. */
  readonly box: SecretBox;
  readonly onProgress: (table: string, rows: number, of: number) => void;
  readonly onCheck: () => void;
}

/**
 * Carries everything from one store to another, empty one: all of it or nothing, in one transaction of the target, and
 * read back before it is committed.
 * @throws Error when the keys do not open the source's secrets.
 */
export async function move(
  source: TransferSource,
  target: TransferTarget,
  { box, onProgress, onCheck }: MoveOptions,
): Promise<MoveOutcome> {
  const contents = await contentsOf(target);
  const empty = Object.keys(contents).length === 0;
  if (empty) await target.begin();
  const sums: Sum[] = [];
  for (const table of carriedTables) {
    const of = await source.count(table);
    const sum = createSum(table);
    for await (const rows of source.read(table)) {
      openSecrets(table, rows, box);
      sum.add(rows);
      if (empty) await target.write(table, rows);
      onProgress(table.name, sum.rows(), of);
    }
    sums.push(sum.result());
  }
  if (empty) await target.derive();
  onCheck();
  const tables = await compare(target, sums);
  const equal = tables.every((table) => table.equal);
  if (!empty)
    return equal ? { outcome: 'already_there', tables } : { outcome: 'not_empty', contents };
  if (!equal) return { outcome: 'differs', tables };
  await target.commit();
  return { outcome: 'moved', tables };
}

/** What a service leaves on an empty database by having been started there once, which a move replaces. */
const TRACES: readonly string[] = ['first_seen', 'last_event'];

async function contentsOf(target: TransferTarget): Promise<Record<string, number>> {
  const contents: Record<string, number> = {};
  for (const table of carriedTables) {
    if (TRACES.includes(table.name)) continue;
    const rows = await target.count(table);
    if (rows > 0) contents[table.name] = rows;
  }
  return contents;
}

async function compare(target: TransferTarget, sums: readonly Sum[]): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  for (const [index, table] of carriedTables.entries()) {
    const read = createSum(table);
    for await (const rows of target.read(table)) read.add(rows);
    const [wanted, got] = [sums[index] as Sum, read.result()];
    reports.push({
      table: table.name,
      source: wanted,
      target: got,
      equal: wanted.rows === got.rows && wanted.checksum === got.checksum,
    });
  }
  return reports;
}

/** However the rows come in batches, the same rows in the same order have the same sum. */
function createSum(table: CarriedTable) {
  const hash = createHash('sha256');
  const hasBytes = Object.values(table.columns).includes('bytes');
  let rows = 0;
  return {
    add(batch: readonly CarriedRow[]): void {
      rows += batch.length;
      if (!hasBytes) {
        hash.update(batch.map((row) => `${JSON.stringify(row)}\n`).join(''));
        return;
      }
      for (const row of batch) {
        const bytes = row.filter((value) => value instanceof Uint8Array);
        const lengths = row.map((value) =>
          value instanceof Uint8Array ? { bytes: value.byteLength } : value,
        );
        hash.update(`${JSON.stringify(lengths)}\n`);
        for (const value of bytes) hash.update(value);
      }
    },
    rows: () => rows,
    result: (): Sum => ({ rows, checksum: hash.digest('hex') }),
  };
}

const SECRETS: readonly string[] = ['signing_secret', 'previous_secret'];

function openSecrets(table: CarriedTable, rows: readonly CarriedRow[], box: SecretBox): void {
  if (table.name !== 'agents') return;
  const columns = Object.keys(table.columns);
  for (const row of rows) {
    for (const column of SECRETS) {
      const value = row[columns.indexOf(column)];
      if (typeof value === 'string') box.open(value);
    }
  }
}
