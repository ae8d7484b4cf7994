import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { registerSecretsOf } from '../leaks/environment.ts';
import { recordPostgres } from '../leaks/postgres.ts';
import { openPostgres } from './open-store.ts';

let asked: Promise<string> | undefined;

/** The URL of the run's PostgreSQL, to which a database's name is appended. */
function serverUrl(): Promise<string> {
  asked ??= fetch(inject('postgresBroker')).then(async (response) => {
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    registerSecretsOf({ DATABASE_URL: text });
    return text;
  });
  return asked;
}

/** One statement, as an onlooker. */
export async function query(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

let template: Promise<string> | undefined;

/** A database that has been migrated: copying it takes a third of migrating another. */
async function migratedTemplate(server: string): Promise<string> {
  const name = `template_${randomUUID().replaceAll('-', '')}`;
  await query(`${server}postgres`, `CREATE DATABASE ${name}`);
  const { store } = await openPostgres(server + name);
  await store.close();
  return name;
}

/** A database without our tables, searched for secrets and dropped when the test ends. */
export async function bareDatabase(options = ''): Promise<string> {
  return createDatabase(`TEMPLATE template0 ${options}`);
}

/** A new, empty database for the running test; searched for secrets and dropped when the test ends, after the hooks that were added later. */
export async function emptyDatabase(): Promise<string> {
  template ??= migratedTemplate(await serverUrl());
  return createDatabase(`TEMPLATE ${await template}`);
}

/** The same for several tests; it goes with the server, at the end of the run. */
export async function sharedDatabase(): Promise<string> {
  const server = await serverUrl();
  return server + (await migratedTemplate(server));
}

async function createDatabase(options: string): Promise<string> {
  const server = await serverUrl();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await query(`${server}postgres`, `CREATE DATABASE ${name} ${options}`);
  onTestFinished(async () => {
    await recordPostgres(server + name);
    await query(`${server}postgres`, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  return server + name;
}
