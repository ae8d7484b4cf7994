import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';

/** A process of the benchmark. It does not outlive this one. */
export interface Child {
  readonly pid: number;
  /** Asks one that answers (answering.ts). Fails when it ends instead. */
  ask<T>(name: string, argument?: unknown): Promise<T>;
  /** SIGTERM, and SIGKILL for one that stays. */
  end(): Promise<void>;
  exited(): boolean;
}

export interface ChildOptions {
  readonly cwd: string;
  /** All that it gets beside PATH: nothing of ours may configure it by accident. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard output goes here: a file, as under an operator's service manager. */
  readonly log: string;
  readonly ipc?: boolean;
  /** Of Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** Those that have not ended yet. */
export const live = new Set<Child>();

const PATIENCE_MS = 20_000;

/** Starts `node program`. */
export function startNode(program: string, args: readonly string[], options: ChildOptions): Child {
  const { nodeOptions = [] } = options;
  const file = resolve(import.meta.dirname, program);
  return start(process.execPath, [...nodeOptions, file, ...args], options);
}

export function start(command: string, args: readonly string[], options: ChildOptions): Child {
  const out = openSync(options.log, 'a');
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    stdio: ['ignore', out, 'inherit', ...(options.ipc === true ? (['ipc'] as const) : [])],
  });
  closeSync(out);
  const reap = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', reap);
  const started: Child = {
    pid: child.pid ?? 0,
    ask: (name, argument) => ask(child, name, argument),
    end: () => end(child),
    exited: () => child.exitCode !== null || child.signalCode !== null,
  };
  live.add(started);
  child.once('exit', () => {
    process.removeListener('exit', reap);
    live.delete(started);
  });
  return started;
}

export interface Question {
  readonly number: number;
  readonly name: string;
  readonly argument: unknown;
}

export interface Answer {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: string;
}

let questions = 0;

function ask<T>(child: ChildProcess, name: string, argument: unknown): Promise<T> {
  questions += 1;
  const number = questions;
  return new Promise<T>((resolve, reject) => {
    const onMessage = (answer: Answer): void => {
      if (answer.number !== number) return;
      settle();
      if (answer.error !== undefined) reject(new Error(answer.error));
      else resolve(answer.value as T);
    };
    const onExit = (): void => {
      settle();
      reject(new Error(`${child.spawnargs.join(' ')} ended before it answered "${name}"`));
    };
    const settle = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.send({ number, name, argument } satisfies Question);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await exited;
  clearTimeout(killing);
}
