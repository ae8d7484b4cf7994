import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { start } from '../children.ts';

export type AppendFsync = 'always' | 'everysec';

/** undefined = it is not installed. */
export function redisVersion(): string | undefined {
  const { error, stdout } = spawnSync('redis-server', ['--version']);
  return error === undefined ? /v=(\S+)/.exec(stdout.toString())?.[1] : undefined;
}

/** Redis with its append-only file in `dir`, no snapshots, nothing evicted. */
export async function startRedis(dir: string, appendfsync: AppendFsync) {
  const port = await freePort();
  const child = start(
    'redis-server',
    [
      ...['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', appendfsync, '--maxmemory-policy', 'noeviction'],
    ],
    { cwd: dir, log: join(dir, 'redis.log') },
  );
  while (!(await isUp(port))) {
    if (child.exited()) throw new Error('redis-server did not start');
    await sleep(10);
  }
  return {
    url: `redis://127.0.0.1:${String(port)}`,
    serverPids: [child.pid],
    remove: () => child.end(),
  };
}

async function isUp(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
