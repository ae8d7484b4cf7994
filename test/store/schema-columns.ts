import { DatabaseSync } from 'node:sqlite';
import { query } from '../helpers/postgres.ts';

/** Every column of a file's schema, as `table.column`. */
export function columnsOfSqlite(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db
    .prepare(
      `SELECT t.name || '.' || c.name AS name FROM sqlite_schema t, pragma_table_info(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'`,
    )
    .all();
  db.close();
  return rows.map((row) => row['name'] as string);
}

/** The same of PostgreSQL. */
export async function columnsOfPostgres(url: string): Promise<string[]> {
  const rows = await query(
    url,
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public'`,
  );
  return rows.map((row) => row['name'] as string);
}

function valuesOf(column: string): string {
  const [table, name] = column.split('.');
  return `SELECT count(${name}) AS filled FROM ${table}`;
}

/** Those of a file that are NULL in every row: nothing is seen of whether they are carried. */
export function unfilledOfSqlite(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const unfilled = columnsOfSqlite(path).filter(
    (column) => db.prepare(valuesOf(column)).get()?.['filled'] === 0,
  );
  db.close();
  return unfilled;
}

/** The same of PostgreSQL. */
export async function unfilledOfPostgres(url: string): Promise<string[]> {
  const unfilled: string[] = [];
  for (const column of await columnsOfPostgres(url)) {
    const [row] = await query(url, valuesOf(column));
    if (Number(row?.['filled']) === 0) unfilled.push(column);
  }
  return unfilled;
}
