import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedTempDir } from '../helpers/temp-dir.ts';
import { eventually } from './helpers/eventually.ts';
import { cleanupAfterEach, closeLater } from './helpers/agents.ts';
import { dispatchTask } from './helpers/dispatch.ts';
import { OPSCORE_KEY, startFakeOpscore } from './helpers/fake-opscore.ts';
import { startFakeService, succeed } from './helpers/fake-service.ts';

cleanupAfterEach();

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const sdk = join(root, 'src/sdk');

const AGENT = `import { createAgent } from '@agentkit/sdk';
await createAgent({
  name: 'echo',
  version: '1.0.0',
  capabilities: ['echo'],
  tasks: { echo: async (task) => task.parameters },
});
`;

/** TypeScript of an agent's author, who has the types and nothing of ours but them. */
const TYPED = `import { createAgent, verifySignature, type Task } from '@agentkit/sdk';
const handler = async (task: Task): Promise<number> => Object.keys(task.parameters).length;
const agent = await createAgent({ name: 'a', version: '1', tasks: { count: handler } });
const id: string = agent.agentId;
const result = verifySignature({ body: id, headers: new Headers(), secret: ['x'] });
if (!result.ok) { const reason: 'no_secret' | string = result.reason; console.log(reason); }
// @ts-expect-error a version is needed
await createAgent({ name: 'a', tasks: {} });
`;

const { path: project, remove } = sharedTempDir();
let packed: string[];

beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], {
    cwd: sdk,
  });
  // The output of prepack comes before the JSON.
  const [pack] = JSON.parse(stdout.slice(stdout.indexOf('\n[') + 1)) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = pack.files.map(({ path }) => path);
  await writeFile(join(project, 'package.json'), '{"private": true, "type": "module"}');
  const install = ['install', '--offline', '--no-audit', '--no-fund', join(project, pack.filename)];
  await run('npm', install, { cwd: project });
}, 120_000);

afterAll(remove);

describe('the packed SDK', () => {
  it('is compiled JavaScript with types and without a dependency', async () => {
    const top = new Set(packed.map((path) => path.split('/')[0]));
    expect(top).toEqual(new Set(['LICENSE', 'README.md', 'dist', 'package.json']));
    const sources = (await readdir(sdk)).filter((name) => name.endsWith('.ts'));
    const expected = sources.flatMap((name) => [
      `dist/${name.replace('.ts', '.js')}`,
      `dist/${name.replace('.ts', '.d.ts')}`,
    ]);
    expect(packed.filter((path) => path.startsWith('dist/')).sort()).toEqual(expected.sort());
    const { stdout } = await run('npm', ['ls', '--all', '--omit=dev', '--json'], { cwd: project });
    const tree = JSON.parse(stdout) as { dependencies: Record<string, { dependencies?: object }> };
    expect(Object.keys(tree.dependencies)).toEqual(['@agentkit/sdk']);
    expect(tree.dependencies['@agentkit/sdk']?.dependencies).toBeUndefined();
  });

  it('runs the smallest agent, of ten lines at the most, under plain node', async () => {
    expect(AGENT.trim().split('\n').length).toBeLessThanOrEqual(10);
    await writeFile(join(project, 'agent.mjs'), AGENT);
    const service = closeLater(await startFakeService());
    const opscore = closeLater(await startFakeOpscore());
    const child = spawn(process.execPath, ['agent.mjs'], {
      cwd: project,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        AGENTKIT_URL: service.url,
        OPSCORE_API_URL: opscore.url,
        OPSCORE_API_KEY: OPSCORE_KEY,
      },
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = once(child, 'exit');
    closeLater({
      close: async () => {
        child.kill('SIGKILL');
        await exited;
      },
    });
    await eventually(() => {
      expect(opscore.states(), stderr).toEqual(['idle']);
    });
    const url = String(service.registrations()[0]?.['contactEndpoint']);
    const { status } = await dispatchTask(url, 'echo', { parameters: { hello: 'wörld' } });
    expect(status).toBe(202);
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'active', 'finished', 'idle']);
    });
    expect(opscore.accepted[2]?.details).toMatchObject({ result: { hello: 'wörld' } });
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(service.deregistrations()).toHaveLength(1);
  });

  it.each([
    ['from its own thread', true, []],
    ['from its own thread, however it was started', true, ['--input-type=module', '--eval', AGENT]],
    ['without the thread where its file is not there, and says so', false, []],
  ])('sends heartbeats %s', async (_how, threaded, flags) => {
    const thread = join(project, 'node_modules/@agentkit/sdk/dist/heartbeat-thread.js');
    const text = await readFile(thread, 'utf8');
    if (!threaded) await rm(thread);
    closeLater({ close: () => writeFile(thread, text) });
    await writeFile(join(project, 'agent.mjs'), AGENT.replace('tasks:', 'leaseSeconds: 1, tasks:'));
    const beats: string[] = [];
    const service = closeLater(
      await startFakeService({
        own: ({ path }, response) => {
          beats.push(path);
          succeed(response, {});
        },
      }),
    );
    const args = flags.map((flag) => flag.replace('tasks:', 'leaseSeconds: 1, tasks:'));
    const child = spawn(process.execPath, args.length > 0 ? args : ['agent.mjs'], {
      cwd: project,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], AGENTKIT_URL: service.url },
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = once(child, 'exit');
    closeLater({
      close: async () => {
        child.kill('SIGKILL');
        await exited;
      },
    });
    await eventually(() => {
      expect(beats.length, stderr).toBeGreaterThanOrEqual(2);
    });
    expect(stderr.includes('no thread for heartbeats')).toBe(!threaded);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('does not keep a process alive that has nothing else to do', async () => {
    const lonely = `${AGENT}
for (const handle of process._getActiveHandles()) if (handle.constructor.name === 'Server') { handle.close(); handle.closeAllConnections(); }
`;
    await writeFile(join(project, 'lonely.mjs'), lonely);
    const service = closeLater(await startFakeService());
    const child = spawn(process.execPath, ['lonely.mjs'], {
      cwd: project,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], AGENTKIT_URL: service.url },
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(service.deregistrations()).toEqual([]);
  });

  it('has types that an author can compile with', async () => {
    await writeFile(join(project, 'typed.ts'), TYPED);
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, ...options, ...types, 'typed.ts'], { cwd: project });
  });

  it('shows in its README the smallest agent as it is run here', async () => {
    expect(await readFile(join(sdk, 'README.md'), 'utf8')).toContain(AGENT);
  });
});
