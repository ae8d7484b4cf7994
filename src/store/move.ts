import { createHash } from 'node:crypto';
import type { SecretBox } from './secret-box.ts';
import {
  carriedTables,
  type CarriedRow,
  type CarriedTable,
  type TransferSource,
  type TransferTarget,
} from './transfer.ts';

/** The rows of a table, and a checksum over all of what is in them, in order; secrets count as they are when opened. */
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
  /** Opens the secrets of both, as the service has to; its current key seals them. */
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
    const secrets = secretsOf(table, box);
    for await (const rows of source.read(table)) {
      sum.add(secrets.opened(rows));
      if (empty) await target.write(table, secrets.sealed(rows));
      onProgress(table.name, sum.rows(), of);
    }
    sums.push(sum.result());
  }
  if (empty) await target.derive();
  onCheck();
  const tables = await compare(target, sums, box);
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

async function compare(
  target: TransferTarget,
  sums: readonly Sum[],
  box: SecretBox,
): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  for (const [index, table] of carriedTables.entries()) {
    const read = createSum(table);
    const secrets = secretsOf(table, box);
    for await (const rows of target.read(table)) read.add(secrets.opened(rows));
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

/**
 * Secrets are compared open, since the same one is never sealed twice alike, and written as the current key seals them:
 * what an older key sealed, or none, does not reach the target so.
 */
function secretsOf({ columns }: CarriedTable, box: SecretBox) {
  const places = SECRETS.map((column) => Object.keys(columns).indexOf(column)).filter(
    (place) => place !== -1,
  );
  const each = (rows: readonly CarriedRow[], change: (stored: string) => string) => {
    if (places.length === 0) return rows;
    return rows.map((row) =>
      row.map((value, place) =>
        places.includes(place) && typeof value === 'string' ? change(value) : value,
      ),
    );
  };
  return {
    opened: (rows: readonly CarriedRow[]) => each(rows, (stored) => box.open(stored)),
    sealed: (rows: readonly CarriedRow[]) =>
      each(rows, (stored) => (box.isCurrent(stored) ? stored : box.seal(box.open(stored)))),
  };
}
