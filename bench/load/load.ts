import { spawnSync } from 'node:child_process';
import { runWrk } from './wrk.ts';
import { runAutocannon } from './autocannon.ts';

/** Closed loop: as many requests as come back, over a fixed number of connections, for a fixed time. */
export interface Load {
  readonly url: string;
  /** POSTed to in turn. */
  readonly paths: readonly string[];
  /** `@@` in it becomes a number, another for each request. */
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
  /** For the files of the generator. */
  readonly dir: string;
}

export interface LoadResult {
  /** Answered with 2xx or 3xx. */
  readonly requests: number;
  readonly seconds: number;
  /** Answered otherwise, or not at all. */
  readonly failed: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** wrk where it is installed (C, a third of a core at these rates); otherwise autocannon. The same for everybody. */
export const loadGenerator: 'wrk' | 'autocannon' =
  spawnSync('wrk', ['--version'], { stdio: 'ignore' }).error === undefined ? 'wrk' : 'autocannon';

export type RunLoad = (load: Load) => Promise<LoadResult>;

export const runLoad: RunLoad = (load) =>
  loadGenerator === 'wrk' ? runWrk(load) : runAutocannon(load);
