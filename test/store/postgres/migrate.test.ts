import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { readMigrations, type Migration } from '../../../src/store/migrations.ts';
import { detectMode } from '../../../src/store/postgres/connection.ts';
import { migrate, MIGRATIONS } from '../../../src/store/postgres/migrate.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { openPostgres } from '../../helpers/open-store.ts';
import { bareDatabase, emptyDatabase, query } from '../../helpers/postgres.ts';
import { anEncryptionKey, aSecret, aSigningSecret } from '../../helpers/secrets.ts';
import { openReplica, register } from './steps.ts';

const key = () => Buffer.from(anEncryptionKey(), 'base64');

it('is done once by replicas that start together', async () => {
  const url = await bareDatabase();
  const replicas = await Promise.all([1, 2, 3, 4].map(() => openReplica(url)));
  for (const replica of replicas) await register(replica);
  expect(await query(url, 'SELECT version FROM schema_version')).toHaveLength(1);
  expect(await query(url, 'SELECT count(*)::int AS count FROM agents')).toEqual([{ count: 4 }]);
});

/** A database as a newer version leaves it behind. */
async function migratedFurther(next: Migration): Promise<string> {
  const url = await emptyDatabase();
  const { mode } = await detectMode(url);
  await migrate(url, mode, async () => undefined, [...readMigrations(MIGRATIONS), next]);
  return url;
}

it('starts on a database to which a newer version has only added', async () => {
  const url = await migratedFurther({
    sql: 'ALTER TABLE agents ADD COLUMN added text; CREATE TABLE added (x bigint)',
    expands: true,
  });
  const before = await query(url, 'SELECT * FROM schema_version');
  await register(await openReplica(url));
  expect(await query(url, 'SELECT * FROM schema_version')).toEqual(before);
});

it('refuses a database from which a newer version has taken something away', async () => {
  const url = await migratedFurther({ sql: 'DROP TABLE payloads', expands: false });
  await expect(openPostgres(url)).rejects.toThrow(/newer version/);
});

it('leaves nothing behind when it fails half-way', async () => {
  const url = await bareDatabase();
  // Something of the operator's own stands where the last table goes.
  await query(url, 'CREATE TABLE write_probe (theirs text)');
  await expect(openPostgres(url)).rejects.toThrow(/write_probe/);
  expect(await query(url, "SELECT to_regclass('agents') AS agents")).toEqual([{ agents: null }]);
});

it('refuses a database of another encoding', async () => {
  const url = await bareDatabase("ENCODING 'LATIN1' LOCALE 'C'");
  await expect(openPostgres(url)).rejects.toThrow(/LATIN1.*UTF8/);
});

it('says that a database is not there, or not reached, without its password', async () => {
  const url = new URL(await bareDatabase());
  const wrong = aSecret('the password in DATABASE_URL');
  const open = (change: (url: URL) => void) => {
    const other = new URL(url);
    change(other);
    return openPostgres(other.href).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  };
  const failures = await Promise.all([
    open((other) => (other.pathname = '/nowhere')),
    open((other) => (other.password = wrong)),
    open((other) => (other.port = '1')),
  ]);
  for (const failure of failures) {
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    for (const password of [url.password, wrong]) {
      expect(failure?.message).not.toContain(password);
    }
  }
});

async function fileOfAgents(url: string): Promise<string> {
  await query(url, 'CHECKPOINT');
  const [row] = await query(
    url,
    "SELECT encode(pg_read_binary_file(pg_relation_filepath('agents')), 'escape') AS content",
  );
  return row?.['content'] as string;
}

it('seals secrets with the current key at a start, and refuses keys that do not open them', async () => {
  const url = await emptyDatabase();
  const [first, second] = [key(), key()];
  const signingSecret = aSigningSecret();
  const secretOf = async () =>
    (await query(url, 'SELECT signing_secret FROM agents'))[0]?.['signing_secret'] as string;
  const open = async (encryptionKeys: Buffer[]) => {
    const replica = await openPostgres(url, { encryptionKeys });
    onTestFinished(() => replica.store.close());
    return replica;
  };
  const agent = await register(await open([]), {
    signingSecret,
    agentName: randomUUID(),
  });
  expect(await secretOf()).toBe(signingSecret);
  const sealing = await open([first]);
  const sealed = await secretOf();
  expect(sealed).toMatch(/^sealed:/);
  expect((await sealing.store.agents.get(agent.agentId))?.signingSecret).toBe(signingSecret);
  // What docs/security.md tells operators to do: the row before is still in the table's file.
  expect(await fileOfAgents(url)).toContain(signingSecret);
  await query(url, 'VACUUM FULL agents');
  expect(await fileOfAgents(url)).not.toContain(signingSecret);
  expect(await fileOfAgents(url)).toContain(sealed);
  const resealing = await open([second, first]);
  expect(await secretOf()).not.toBe(sealed);
  expect((await resealing.store.agents.get(agent.agentId))?.signingSecret).toBe(signingSecret);
  await expect(openPostgres(url, { encryptionKeys: [first] })).rejects.toThrow(
    /AGENTKIT_ENCRYPTION_KEY/,
  );
});
