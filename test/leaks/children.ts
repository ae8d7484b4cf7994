import { ChildProcess } from 'node:child_process';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { record, RUN_FOLDER, TEST_FILE } from './recording.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'preload.ts')).href;

/** May run on another Node, which cannot load the preload. */
const FOREIGN = new Set(['npm', 'npx']);

interface Spawning {
  spawn(
    this: ChildProcess,
    options: {
      readonly file: string;
      readonly args: readonly string[];
      /** `NAME=value`. */
      readonly envPairs: string[];
    },
  ): unknown;
}

/**
 * Records what every child process of this process writes to its stdout and stderr, and puts the same taps into those
 * that are Node, whatever environment they are given and whatever shell starts them. `spawn`, `fork` and `execFile` all
 * come by here.
 */
export function tapChildren(): void {
  const prototype = ChildProcess.prototype as unknown as Spawning;
  const spawn = Reflect.get(prototype, 'spawn');
  prototype.spawn = function (options) {
    if (!FOREIGN.has(basename(options.file))) handOn(options.envPairs);
    const result = spawn.call(this, options);
    const script = options.args.find((arg) => /\.[cm]?[jt]s$/.test(arg)) ?? '';
    const of = `${basename(options.file)} ${basename(script)}, process ${String(this.pid)}`;
    if (this.stdout !== null) tapStream(this.stdout, `stdout of ${of}`);
    if (this.stderr !== null) tapStream(this.stderr, `stderr of ${of}`);
    return result;
  };
}

/** Ahead of its listeners, and without making it flow. */
function tapStream(stream: Readable, of: string): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) record('log', of, chunk);
    return push(chunk, encoding);
  };
}

function handOn(envPairs: string[]): void {
  for (const name of [RUN_FOLDER, TEST_FILE]) {
    const value = process.env[name];
    // The net's own tests name a folder of their own.
    const given = envPairs.some((pair) => pair.startsWith(`${name}=`));
    if (value !== undefined && !given) envPairs.push(`${name}=${value}`);
  }
  const NAME = 'NODE_OPTIONS=';
  const at = envPairs.findIndex((pair) => pair.startsWith(NAME));
  const given = at === -1 ? '' : (envPairs.splice(at, 1)[0] ?? '').slice(NAME.length);
  envPairs.push(`${NAME}${given} --import=${PRELOAD}`);
}
