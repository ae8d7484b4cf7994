import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { startAgentServer } from '../helpers/agent-server.ts';
import { agentkit } from '../helpers/cli.ts';
import { spawnAgentkit } from '../helpers/cli.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { eventually, startWorld } from './world.ts';
import { inParallel } from '../helpers/in-parallel.ts';

it('a backup under load has everything that was acknowledged before it, and a service goes on from it', async () => {
  const dir = tempDir();
  const [path, backup] = [join(dir, 'agentkit.db'), join(dir, 'backup.db')];
  const world = await startWorld({ DATABASE_URL: `sqlite:${path}` });
  // One takes its tasks at once, the other's wait.
  const agents = [await startAgentServer(), await startAgentServer()];
  const registered = await Promise.all(agents.map((agent) => world.register(agent)));
  await agents[1]?.down();
  const acknowledged: string[] = [];
  const load = { running: true };
  const loading = inParallel(16, 16, async (index) => {
    while (load.running) {
      acknowledged.push(await world.run(registered[index % 2]?.agentId ?? ''));
    }
  });
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(500));
  const before = [...acknowledged];
  const { code, stdout, stderr } = await spawnAgentkit(['backup', backup], {
    env: { DATABASE_URL: `sqlite:${path}` },
  }).ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/backup\.db: \d+ bytes\n$/);
  // It did not disturb the service.
  const during = acknowledged.length;
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(during + 100));
  load.running = false;
  await loading;
  await world.kill();

  // As docs/deployment.md says: in the place of the database, and without what belongs to the old one.
  expect(statSync(backup).mode & 0o777).toBe(0o600);
  const restored = join(tempDir(), 'agentkit.db');
  copyFileSync(backup, restored);
  const db = new DatabaseSync(restored);
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  const rows = db.prepare("SELECT id, state FROM deliveries WHERE kind = 'task'").all();
  db.close();
  const states = new Map(rows.map((row) => [row['id'] as string, row['state'] as string]));
  expect(before.filter((taskId) => !states.has(taskId))).toEqual([]);
  const waiting = [...states]
    .filter(([, state]) => state === 'scheduled')
    .map(([taskId]) => taskId);
  expect(waiting.length).toBeGreaterThan(100);

  // What had not ended is sent again with the same ids, whatever the first service sent since.
  for (const agent of agents) (agent.dispatches as unknown[]).length = 0;
  await agents[1]?.up();
  await world.restart({ DATABASE_URL: `sqlite:${restored}`, PROBE_INTERVAL: '100ms' });
  await eventually(() => {
    const sent = new Set(agents.flatMap((agent) => agent.dispatches.map(({ taskId }) => taskId)));
    expect(waiting.filter((taskId) => !sent.has(taskId))).toEqual([]);
  });
  expect(agents.map((agent) => agent.refused())).toEqual([0, 0]);
});

it('a backup takes the place of nothing, and is of a database of the service only', async () => {
  const dir = tempDir();
  const path = join(dir, 'agentkit.db');
  const backup = async (file: string, from = path) => {
    const { code, stderr } = await agentkit(['backup', file], {
      env: { DATABASE_URL: from.includes('://') ? from : `sqlite:${from}` },
    });
    return `${code} ${stderr.trimEnd()}`;
  };
  const to = join(dir, 'backup.db');
  expect(await backup(to)).toMatch(/^1 .*there is no database/);
  new DatabaseSync(path).exec('CREATE TABLE theirs (x)');
  expect(await backup(to)).toMatch(/^1 .*is no database of the service/);
  expect([existsSync(to), existsSync(`${to}.partial`)]).toEqual([false, false]);
  writeFileSync(to, 'mine');
  expect(await backup(to)).toMatch(/^1 .*exists already/);
  expect(readFileSync(to, 'utf8')).toBe('mine');
  expect(await backup(join(dir, 'pg.db'), 'postgres://u:p@127.0.0.1:1/x')).toMatch(/^2 .*pg_dump/);
});
