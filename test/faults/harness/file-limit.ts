import { spawnSync } from 'node:child_process';

/**
 * Lets each write of a process past so many bytes of a file fail, by the system itself and while the process runs
 * (RLIMIT_FSIZE, errno EFBIG); needs no privilege.
 */
export function limitFiles(pid: number, bytes: number | 'unlimited'): void {
  const given = ['--pid', String(pid), `--fsize=${bytes}:unlimited`];
  const { status, stderr } = spawnSync('prlimit', given);
  if (status !== 0) throw new Error(`prlimit failed: ${String(stderr)}`);
}
