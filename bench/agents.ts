// What registration, GET by id and list pages cost with 1,000 and with 100,000 agents: node bench/agents.ts
//
// Two services as processes of their own, each on a file of its own, asked in turns over HTTP, one request at a time:
// what the machine does meanwhile, it does to both. Prints medians and their ratio. The issue wants 2x at the most.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';

const SIZES = [1_000, Number(process.env['BENCH_AGENTS'] ?? '100000')] as const;
const ROUNDS = 10;
const PER_ROUND = 50;
const PAGE = 100;

const http = new Agent({ connections: 64, pipelining: 1 });

interface Target {
  readonly size: number;
  readonly child: ChildProcess;
  readonly dir: string;
  readonly url: string;
  readonly ids: string[];
  registered: number;
}

async function call(target: Target, method: 'GET' | 'POST' | 'PUT', path: string, body?: object) {
  const answer = await request(target.url + path, {
    method,
    dispatcher: http,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const json = (await answer.body.json()) as { data: unknown };
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${String(answer.statusCode)}`);
  return json.data;
}

/** As agents are: most things are shared by many. */
function registration(n: number) {
  return {
    agentName: `team-${String(n % 97)}-agent-${String(n)}`,
    version: `1.${String(n % 5)}.0`,
    contactEndpoint: 'http://127.0.0.1:9/',
    capabilities: ['all', `tenth-${String(n % 10)}`, `own-${String(n)}`],
    metadata: { team: n % 97, [`key-${String(n % 10)}`]: true },
    leaseSeconds: 86_400,
  };
}

async function start(size: number): Promise<Target> {
  const dir = await mkdtemp(join(tmpdir(), 'agentkit-bench-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/server.ts')], {
    cwd: dir,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', RATE_LIMIT: '1000000' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
      if (msg === 'the service is ready' && url !== undefined) resolve(url);
    });
  });
  return { size, child, dir, url, ids: [], registered: 0 };
}

async function register(target: Target): Promise<void> {
  const n = target.registered;
  target.registered += 1;
  const agent = await call(target, 'POST', '/v1/agents/register', registration(n));
  target.ids.push((agent as { agentId: string }).agentId);
}

async function fill(target: Target): Promise<void> {
  const worker = async () => {
    while (target.registered < target.size) await register(target);
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}

const anyOf = (target: Target): number => Math.floor(Math.random() * target.size);
const idOf = (target: Target): string => target.ids[anyOf(target)] ?? '';
const page = (query: string) => (target: Target) =>
  call(target, 'GET', `/v1/agents?limit=${String(PAGE)}&${query}`);

const operations: Readonly<Record<string, (target: Target) => Promise<unknown>>> = {
  'POST register': register,
  'PUT register, again': (target) =>
    call(target, 'PUT', '/v1/agents/register', registration(anyOf(target))),
  'POST heartbeat': (target) => call(target, 'POST', `/v1/agents/${idOf(target)}/heartbeat`),
  'GET by id': (target) => call(target, 'GET', `/v1/agents/${idOf(target)}`),
  'page, no filter': page(''),
  'page, capability of all': page('capability=all'),
  'page, capability of a tenth': page('capability=tenth-3'),
  'page, two capabilities': page('capability=all&capability=tenth-3'),
  'page, name prefix': page('name=team-5'),
  'page, version': page('version=1.2.0'),
  'page, status': page('status=online'),
  'page, metadata key': page('metadata_key=key-3'),
  'page, capability and status': page('capability=tenth-3&status=online'),
  'page, capability of all, status of none': page('capability=all&status=unreachable'),
  'page, version of a fifth, own capability': page('version=1.2.0&capability=own-7'),
  'page, name prefix, version of none': page('name=team-5&version=9'),
  'page, capability of all, own metadata': page('capability=all&metadata_key=own'),
  'page of changes': (target) => call(target, 'GET', `/v1/agents/changes?limit=${String(PAGE)}`),
};

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const targets = await Promise.all(SIZES.map(start));
try {
  for (const target of targets) {
    const startedAt = performance.now();
    await fill(target);
    const seconds = (performance.now() - startedAt) / 1000;
    const rate = Math.round(target.size / seconds).toLocaleString('en');
    console.log(
      `${target.size.toLocaleString('en')} agents registered in ${seconds.toFixed(1)} s (${rate}/s)`,
    );
  }
  console.log(`\n| median, ms | ${SIZES.map((n) => n.toLocaleString('en')).join(' | ')} | ratio |`);
  console.log('| --- | ---: | ---: | ---: |');
  for (const [name, operation] of Object.entries(operations)) {
    const times = targets.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [at, target] of targets.entries()) {
        for (let n = 0; n < PER_ROUND; n += 1) {
          const startedAt = performance.now();
          await operation(target);
          times[at]?.push(performance.now() - startedAt);
        }
      }
    }
    const [few = Number.NaN, many = Number.NaN] = times.map(median);
    console.log(
      `| ${name} | ${few.toFixed(2)} | ${many.toFixed(2)} | ${(many / few).toFixed(2)} |`,
    );
  }
} finally {
  await http.close();
  for (const { child, dir } of targets) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    await rm(dir, { recursive: true, force: true });
  }
}
