import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { loadGenerator } from '../load/load.ts';
import { redisVersion } from '../stores/redis.ts';

/** What the figures were measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the service, short. */
  readonly commit: string;
}

const ROOT = join(import.meta.dirname, '../..');
const BENCH = join(import.meta.dirname, '..');

export function thisMachine(postgres: string | undefined): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `Linux ${release().split('-')[0] ?? ''}`,
    versions: {
      Node: process.versions.node,
      SQLite: process.versions['sqlite'] ?? 'unknown',
      ...(postgres === undefined ? {} : { PostgreSQL: postgres }),
      ...(redisVersion() === undefined ? {} : { Redis: redisVersion() ?? '' }),
      [loadGenerator]: loadVersion(),
      ...packageVersions(ROOT, ['fastify', 'undici', 'pino', 'pg']),
      ...packageVersions(BENCH, ['bullmq', 'ioredis', 'pg-boss', 'graphile-worker']),
    },
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT })
      .toString()
      .trim(),
  };
}

function loadVersion(): string {
  if (loadGenerator === 'autocannon') {
    return packageVersions(BENCH, ['autocannon'])['autocannon'] ?? 'unknown';
  }
  const { stdout } = spawnSync('wrk', ['--version']);
  return /wrk (?:debian\/)?([\d.]+)/.exec(stdout.toString())?.[1] ?? 'unknown';
}

/** As they are installed below `folder`, or above it. */
function packageVersions(folder: string, names: readonly string[]): Record<string, string> {
  const { resolve } = createRequire(join(folder, 'package.json'));
  return Object.fromEntries(
    names.flatMap((name) => {
      const at = resolve.paths(name)?.find((path) => existsSync(join(path, name, 'package.json')));
      if (at === undefined) return [];
      const { version } = JSON.parse(readFileSync(join(at, name, 'package.json'), 'utf8')) as {
        version: string;
      };
      return [[name, version]];
    }),
  );
}
