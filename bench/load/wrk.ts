import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Load, LoadResult } from './load.ts';

const SCRIPT = join(import.meta.dirname, 'wrk.lua');

export async function runWrk(load: Load): Promise<LoadResult> {
  const paths = join(load.dir, 'paths');
  const body = join(load.dir, 'body');
  writeFileSync(paths, load.paths.join('\n'));
  writeFileSync(body, load.body);
  const { stdout } = await promisify(execFile)('wrk', [
    ...['-t', '1', '-c', String(load.connections), '-d', `${String(load.seconds)}s`],
    ...['-s', SCRIPT, load.url, '--', paths, body],
  ]);
  const line = stdout.split('\n').findLast((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`wrk said: ${stdout}`);
  return JSON.parse(line) as LoadResult;
}
