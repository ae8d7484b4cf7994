import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, type LogLine } from './child.ts';
import type { Environment } from './settings.ts';
import type { Story } from './story.ts';

export interface Cast {
  /** For the database, and where the processes run: a `.env` of this repository is none of theirs. */
  readonly dir: string;
  /** @param script relative to the repository. */
  start(name: string, script: string, env: Environment): Child;
  /** Kills what still runs, and removes the directory. */
  dismiss(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '../..');

/** The demo's processes. None outlives it, whether it ends well, throws, or is told to stop. */
export function createCast(story: Story): Cast {
  const dir = mkdtempSync(join(tmpdir(), 'agentkit-demo-'));
  const children: Child[] = [];
  // The last resort, where nothing can be awaited any more.
  process.once('exit', () => {
    for (const child of children) void child.end('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    dir,
    start: (name, script, env) => {
      const child = new Child({
        script: join(ROOT, script),
        env,
        cwd: dir,
        onLine: (line) => {
          if (isRefusal(line)) story.fail(`${name} says: ${describe(line)}`);
        },
        onUnexpectedExit: (reason) => {
          story.fail(`${name} ${reason.trim()}`);
        },
      });
      children.push(child);
      return child;
    },
    dismiss: async () => {
      await Promise.all(children.map((child) => child.end('SIGKILL')));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Nothing is refused in this story, but for a state report that overtakes its REGISTER: it comes again. */
function isRefusal({ msg, status }: LogLine): boolean {
  if (msg === 'state refused') return status !== 404;
  return msg === 'webhook refused' || msg === 'task not sent' || msg === 'not understood';
}

function describe({ msg, ...fields }: LogLine): string {
  const { time: _time, ...rest } = fields;
  const said = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
  return [msg, ...said].join(', ');
}
