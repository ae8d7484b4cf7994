import { Worker } from 'node:worker_threads';
import {
  HeartbeatLoop,
  type HeartbeatIdentity,
  type HeartbeatNote,
  type HeartbeatSetup,
} from './heartbeat-loop.ts';
import { messageOf, type AgentLogger } from './logger.ts';
import { systemClock, type Clock } from './retry.ts';

export interface HeartbeatOptions {
  readonly setup: Omit<HeartbeatSetup, 'identity'>;
  /** The agent's name, for the log. */
  readonly name: string;
  readonly logger: AgentLogger;
  /** The service does not know the agent any more. */
  onForgotten(message: string): void;
  /** The service is back, or has the agent back after it was away. */
  onReturn(): void;
}

/** What a registration answered. */
export interface HeartbeatSubject {
  readonly agentId: string;
  readonly token: string | undefined;
  readonly revision: number | undefined;
}

/**
 * The agent's heartbeats, from a thread of their own. Where no thread can be had (a bundle without its file) they come
 * from this one. Never keeps the process alive.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #worker: Worker | undefined;
  #loop: HeartbeatLoop | undefined;
  #identity: HeartbeatIdentity | undefined;
  /** Of the last time that the agent was known to be online. */
  #revision: number | undefined;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Begins, or goes on under what a later registration answered. */
  use({ agentId, token, revision }: HeartbeatSubject): void {
    if (this.#stopped) return;
    const begun = this.#identity !== undefined;
    const identity = { agentId, token, generation: (this.#identity?.generation ?? 0) + 1 };
    this.#identity = identity;
    this.#revision = revision;
    if (!begun) this.#startThread(identity);
    this.#worker?.postMessage(identity);
    this.#loop?.use(identity);
  }

  /** No heartbeat starts after it resolved. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#loop?.stop();
    await this.#worker?.terminate();
  }

  #startThread(identity: HeartbeatIdentity): void {
    try {
      const worker = new Worker(threadUrl(), {
        workerData: { ...this.#options.setup, identity } satisfies HeartbeatSetup,
        name: 'agentkit-heartbeat',
        // A thread inherits the flags of the process, and this one refuses to go with a file.
        ...(process.execArgv.some((flag) => flag.startsWith('--input-type'))
          ? { execArgv: [] }
          : {}),
      });
      this.#worker = worker;
      worker.on('message', (note: HeartbeatNote) => {
        this.#note(note);
      });
      worker.on('error', (error) => {
        this.#startLoop(messageOf(error));
      });
      worker.on('exit', () => {
        this.#startLoop('it ended');
      });
      worker.unref();
    } catch (error) {
      this.#startLoop(messageOf(error));
    }
  }

  #startLoop(reason: string): void {
    this.#worker = undefined;
    if (this.#stopped || this.#loop !== undefined || this.#identity === undefined) return;
    const { setup, name, logger } = this.#options;
    logger.warn(`${name}: no thread for heartbeats, a busy handler holds them up: ${reason}`);
    this.#loop = new HeartbeatLoop({ ...setup, identity: this.#identity }, idleClock, (note) => {
      this.#note(note);
    });
    void this.#loop.run();
  }

  #note(note: HeartbeatNote): void {
    if (this.#stopped || note.generation !== this.#identity?.generation) return;
    const { name, logger } = this.#options;
    switch (note.kind) {
      case 'failed':
        return logger.warn(`${name}: heartbeats are not taken: ${note.message}`);
      case 'forgotten':
        return this.#options.onForgotten(note.message);
      case 'taken': {
        const returned = note.afterFailure || this.#hasReturned(note.status, note.revision);
        if (!returned) return;
        logger.info(`${name}: the service has the agent back`);
        this.#options.onReturn();
      }
    }
  }

  /** The revision changes when an agent goes offline and when it is back, not with heartbeats. */
  #hasReturned(status: string | undefined, revision: number | undefined): boolean {
    if (status !== 'online' || revision === undefined) return false;
    const before = this.#revision;
    this.#revision = revision;
    return before !== undefined && before !== revision;
  }
}

/** TypeScript where we are run from source, JavaScript where we are installed. */
function threadUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./heartbeat-thread.${extension}`, import.meta.url);
}

const idleClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms).unref();
      signal?.addEventListener('abort', done);
    }),
};
