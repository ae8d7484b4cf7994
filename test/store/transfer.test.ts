import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UNCARRIED as OF_POSTGRES, STORED } from '../../src/store/postgres/transfer-tables.ts';
import { UNCARRIED as OF_SQLITE } from '../../src/store/sqlite/transfer.ts';
import { carriedTables, type Uncarried } from '../../src/store/transfer.ts';
import { emptyDatabase } from '../helpers/postgres.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { openSqlite } from '../helpers/open-store.ts';
import { columnsOfPostgres, columnsOfSqlite } from './schema-columns.ts';

const carried = carriedTables.flatMap(({ name, columns }) =>
  Object.keys(columns).map((column) => `${name}.${column}`),
);

async function ofNewFile(): Promise<string[]> {
  const path = join(tempDir(), 'agentkit.db');
  await openSqlite(path).close();
  return columnsOfSqlite(path);
}

const ofNewDatabase = async () => columnsOfPostgres(await emptyDatabase());

describe.each([
  ['SQLite', ofNewFile, OF_SQLITE],
  ['PostgreSQL', ofNewDatabase, OF_POSTGRES],
] as const)('a move of %s', (_, columnsOf, uncarried: Uncarried) => {
  const said = [...Object.keys(uncarried.elsewhere), ...Object.keys(uncarried.dropped)];
  const isSaid = (column: string) =>
    said.includes(column) || said.includes(column.replace(/\..*/, '.*'));

  it('carries each column, or says why not', async () => {
    const columns = await columnsOf();
    expect(columns.filter((column) => !carried.includes(column) && !isSaid(column))).toEqual([]);
  });

  it('speaks of no column that is not there', async () => {
    const columns = await columnsOf();
    const there = (name: string) =>
      columns.some((column) => column === name || column.replace(/\..*/, '.*') === name);
    expect(said.filter((name) => !there(name))).toEqual([]);
    expect(Object.values(uncarried.elsewhere).filter((name) => !carried.includes(name))).toEqual(
      [],
    );
    // What is carried is a column of its own, or one that another is carried as, or one that is made up while reading.
    const sources = [...columns, ...Object.values(uncarried.elsewhere), 'last_event.seq'];
    expect(carried.filter((name) => !sources.includes(name))).toEqual([]);
  });
});

it('a move empties all tables of PostgreSQL that it writes', async () => {
  const ofProcesses = ['replicas', 'duties', 'cancellations', 'schema_version', 'write_probe'];
  const tables = new Set((await ofNewDatabase()).map((column) => column.replace(/\..*/, '')));
  expect([...STORED.split(', '), ...ofProcesses].sort()).toEqual([...tables].sort());
});
