import { join } from 'node:path';
import { startNode } from '../children.ts';

export interface SinkMode {
  /** Body's `sentAt` to arrival is noted. */
  readonly latency?: boolean;
  /** Answers only after that long: what comes in faster waits. */
  readonly delayMs?: number;
}

export interface SinkEndpoint {
  readonly url: string;
}

export interface SinkSample {
  readonly head: string;
  /** base64. */
  readonly body: string;
  /** When it came, in epoch milliseconds. */
  readonly at: number;
}

/** Times in milliseconds of clock.ts. */
export interface SinkCount {
  readonly arrived: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface SinkRecord extends SinkCount {
  /** Delivery ids: fewer than `arrived` if some came twice. */
  readonly distinct: number;
  readonly samples: readonly SinkSample[];
  readonly latencies: readonly number[];
}

export interface Sink {
  readonly pid: number;
  /** One per agent. */
  readonly endpoints: readonly SinkEndpoint[];
  /** Forgets what it counted. */
  reset(mode?: SinkMode): Promise<void>;
  setMode(mode: SinkMode): Promise<void>;
  count(): Promise<SinkCount>;
  record(): Promise<SinkRecord>;
  end(): Promise<void>;
}

/** Starts the sink in a process of its own. */
export async function startSink(dir: string, agents: number): Promise<Sink> {
  const child = startNode('sink/main.ts', [], { cwd: dir, log: join(dir, 'sink.log'), ipc: true });
  const endpoints = await child.ask<SinkEndpoint[]>('listen', agents);
  return {
    pid: child.pid,
    endpoints,
    reset: (mode = {}) => child.ask('reset', mode),
    setMode: (mode) => child.ask('setMode', mode),
    count: () => child.ask('count'),
    record: () => child.ask('record'),
    end: () => child.end(),
  };
}
