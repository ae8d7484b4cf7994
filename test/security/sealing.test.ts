import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { anEncryptionKey, aSecret, aShortSecret } from '../helpers/secrets.ts';
import { spawnService } from './helpers/process.ts';
import { startReceiver } from './helpers/servers.ts';
import { startService, type RegisteredAgent } from './helpers/service.ts';
import { ended, run, task } from './helpers/tasks.ts';
import { rawFiles, tempDir } from './helpers/temp-dir.ts';
import { stockAccepts } from './helpers/verify.ts';

const sealedWith = (...keys: readonly string[]) => ({ AGENTKIT_ENCRYPTION_KEY: keys.join(',') });

/** Without a key, as nothing else in the tests is. */
const UNSEALED = { AGENTKIT_ENCRYPTION_KEY: '' };

/** Registers agents and replaces a secret, so that rows have both; also moves rows about within the file. */
async function fill(dir: string, env: Record<string, string>): Promise<RegisteredAgent[]> {
  const service = await startService(env, { dir });
  const agents: RegisteredAgent[] = [];
  for (let i = 0; i < 20; i += 1) {
    const agent = await service.register();
    agents.push(agent);
    // A longer row is written elsewhere, and what was there stays behind in the page.
    await service.call('PUT', '/v1/agents/register', {
      body: {
        agentName: agent.agentName,
        version: '2.0.0',
        contactEndpoint: 'http://127.0.0.1:9/tasks',
        metadata: { note: 'x'.repeat(50 * i) },
      },
    });
  }
  const [rotated] = agents as [RegisteredAgent];
  await service.call('POST', `/v1/agents/${rotated.agentId}/signing-secret/rotate`, { body: {} });
  await service.stop();
  return agents;
}

const inClear = (dir: string, agents: readonly RegisteredAgent[]) =>
  agents.filter(({ signingSecret }) => rawFiles(dir).includes(signingSecret.slice(6))).length;

describe('signing secrets in the database', () => {
  it('are sealed when there is a key, in every file and at every time', async () => {
    const dir = tempDir();
    const service = await startService(sealedWith(anEncryptionKey()), { dir });
    const agent = await service.register();
    const path = `/v1/agents/${agent.agentId}/signing-secret/rotate`;
    const rotated = await service.call('POST', path, { body: {} });
    const { signingSecret } = rotated.json.data as { signingSecret: string };
    // While it runs, with everything still in the WAL, and afterwards.
    for (const moment of ['running', 'stopped']) {
      if (moment === 'stopped') await service.stop();
      const raw = rawFiles(dir);
      expect(raw).toContain(agent.agentName);
      expect(raw).toContain('sealed:v1:');
      expect(raw).not.toContain(agent.signingSecret.slice(6));
      expect(raw).not.toContain(signingSecret.slice(6));
    }
  });

  it('are sealed at the first start with a key, and nothing is left of them in clear', async () => {
    const dir = tempDir();
    const agents = await fill(dir, UNSEALED);
    expect(inClear(dir, agents)).toBe(agents.length);
    const service = await startService(sealedWith(anEncryptionKey()), { dir });
    expect(inClear(dir, agents)).toBe(0);
    await service.stop();
    expect(inClear(dir, agents)).toBe(0);
  });

  it('still sign as before once they are sealed', async () => {
    const dir = tempDir();
    const receiver = await startReceiver();
    const first = await startService(UNSEALED, { dir });
    const agent = await first.register({ contactEndpoint: receiver.url });
    await first.stop();
    const second = await startService(sealedWith(anEncryptionKey()), { dir });
    await task(second, await run(second, agent.agentId), ended);
    const [arrival] = receiver.arrivals;
    expect(arrival && stockAccepts(arrival, agent.signingSecret, Date.now())).toBe(true);
  });

  it('are sealed again by "new,old", after which the old key is no longer needed', async () => {
    const dir = tempDir();
    const [old, fresh] = [anEncryptionKey(), anEncryptionKey()];
    const agents = await fill(dir, sealedWith(old));
    const before = new Set(rawFiles(dir).match(/sealed:v1:[A-Za-z0-9+/]+=*/g));
    await (await startService(sealedWith(fresh, old), { dir })).stop();
    const after = new Set(rawFiles(dir).match(/sealed:v1:[A-Za-z0-9+/]+=*/g));
    expect(after.size).toBeGreaterThanOrEqual(agents.length);
    // What the old key opens is gone from the file.
    expect([...after].filter((text) => before.has(text))).toEqual([]);
    const service = await startService(sealedWith(fresh), { dir });
    expect((await service.call('GET', '/v1/agents')).status).toBe(200);
  });

  it.each([
    ['missing', UNSEALED],
    ['another one', sealedWith(anEncryptionKey())],
  ])('stop the start with one line when the key is %s', async (_case, env) => {
    const dir = tempDir();
    const key = anEncryptionKey();
    const agents = await fill(dir, sealedWith(key));
    const child = spawnService(dir, { ...env, DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}` });
    expect(await child.exited).toBe(1);
    expect(child.stdout()).toBe('');
    expect(child.stderr()).toMatch(
      /^agentkit: cannot start on \S+: AGENTKIT_ENCRYPTION_KEY does not open the secrets in this database\n$/,
    );
    // Nothing was changed: with the right key it goes on.
    const service = await startService(sealedWith(key), { dir });
    const { json } = await service.call('GET', '/v1/agents');
    expect(json.data).toHaveLength(agents.length);
  });

  it('stop the start when a sealed one was altered', async () => {
    const dir = tempDir();
    const key = anEncryptionKey();
    await fill(dir, sealedWith(key));
    const db = new DatabaseSync(join(dir, 'agentkit.db'));
    db.exec("UPDATE agents SET signing_secret = 'sealed:v1:' || hex(randomblob(60))");
    db.close();
    await expect(startService(sealedWith(key), { dir })).rejects.toThrow('does not open');
  });

  it.each([
    aShortSecret('short'),
    aSecret('AGENTKIT_ENCRYPTION_KEY'),
    anEncryptionKey('hex').slice(2),
    `${anEncryptionKey()},short`,
  ])('stop the start when the key is no key (%#), which is not shown', async (value) => {
    const starting = startService({ AGENTKIT_ENCRYPTION_KEY: value });
    await expect(starting).rejects.toThrow(
      /^AGENTKIT_ENCRYPTION_KEY: got a value that is not shown, takes /,
    );
  });
});

describe("the database's files", () => {
  function expectRestricted(dir: string): void {
    const names = readdirSync(dir);
    const database = ['agentkit.db', 'agentkit.db-shm', 'agentkit.db-wal', 'agentkit.db.lock'];
    expect(names).toEqual(expect.arrayContaining(database));
    for (const name of names) {
      const mode = (statSync(join(dir, name)).mode & 0o777).toString(8);
      expect([name, mode]).toEqual([name, '600']);
    }
  }

  it('are for the owner alone', async () => {
    const service = await startService();
    await service.register();
    expectRestricted(service.dir);
  });

  it('become so when an earlier start or a copy left them open to others', async () => {
    const dir = tempDir();
    const child = spawnService(dir, { DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}` });
    await child.ready();
    await child.end('SIGKILL');
    for (const name of readdirSync(dir)) chmodSync(join(dir, name), 0o644);
    await startService({}, { dir });
    expectRestricted(dir);
  });
});
