import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What a database holds before it is measured on. */
export interface Seed {
  readonly count: number;
  /** `delivered`: the history of a service that has been used. `waiting`: a backlog, due at once. */
  readonly state: 'delivered' | 'waiting';
  /** Of the agent that they belong to. */
  readonly agentUrl: string;
}

export interface SeedSettings extends Seed {
  readonly databaseUrl: string;
}

export const seedName = ({ count, state }: Seed): string => `${state}_${String(count)}`;

/** Fills an empty database, in a process of its own. */
export async function fill(settings: SeedSettings): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'main.ts'), JSON.stringify(settings)],
    { env: { PATH: process.env['PATH'] ?? '' }, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`filling ${seedName(settings)} failed`);
}
