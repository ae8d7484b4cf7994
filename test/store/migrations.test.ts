import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  pendingMigrations,
  readMigrations,
  versionAfter,
  type Migration,
} from '../../src/store/migrations.ts';
import { MIGRATIONS as OF_POSTGRES } from '../../src/store/postgres/migrate.ts';
import { MIGRATIONS as OF_SQLITE } from '../../src/store/sqlite/database.ts';

const first: Migration = { sql: 'first', expands: false };
const expand: Migration = { sql: 'expand', expands: true };
const contract: Migration = { sql: 'contract', expands: false };
const nothing = { version: 0, oldest: 0 };

it('a new database sees all of them, once', () => {
  const known = [first, expand];
  expect(pendingMigrations(known, nothing)).toEqual(known);
  const after = versionAfter(known, nothing);
  expect(after).toEqual({ version: 2, oldest: 1 });
  expect(pendingMigrations(known, after)).toEqual([]);
});

it('a version works on a database that newer ones have only added to, and leaves what it says as it is', () => {
  const after = versionAfter([first, expand, expand], nothing);
  expect(pendingMigrations([first], after)).toEqual([]);
  expect(versionAfter([first], after)).toEqual(after);
});

it('a version refuses a database from which a newer one has taken something away', () => {
  const after = versionAfter([first, expand, contract, expand], nothing);
  expect(after).toEqual({ version: 4, oldest: 3 });
  expect(() => pendingMigrations([first, expand], after)).toThrow(
    'the database is at migration 4 and needs a version of the service that knows 3, this one knows 2: start the newer version',
  );
  expect(pendingMigrations([first, expand, contract], after)).toEqual([]);
});

it.each([
  ['SQLite', OF_SQLITE],
  ['PostgreSQL', OF_POSTGRES],
])('each migration of %s says whether older versions work beside it', (_, folder) => {
  const files = readdirSync(folder).sort();
  expect(files.map((file) => file.slice(0, 4))).toEqual(
    files.map((_file, index) => String(index + 1).padStart(4, '0')),
  );
  for (const file of files.slice(1)) {
    expect(readFileSync(join(folder, file), 'utf8'), file).toMatch(/^-- (expand|contract): \S/);
  }
  expect(readMigrations(folder)).toHaveLength(files.length);
});
