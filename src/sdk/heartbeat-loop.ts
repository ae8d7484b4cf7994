import { AgentKitClient } from './client.ts';
import { isForgotten } from './errors.ts';
import { messageOf } from './logger.ts';
import { isTransient, jittered, withRetry, type Clock } from './retry.ts';

/** As whom to beat. It is posted to a thread: plain data alone. */
export interface HeartbeatIdentity {
  readonly agentId: string;
  readonly token: string | undefined;
  /** Grows with each registration; a note of an earlier one is of the past. */
  readonly generation: number;
}

/** What comes of heartbeats. Plain data, too. */
export type HeartbeatNote = { readonly generation: number } & (
  | {
      readonly kind: 'taken';
      readonly status: string | undefined;
      readonly revision: number | undefined;
      /** The ones before it were not. */
      readonly afterFailure: boolean;
    }
  /** The first of those in a row that were not taken. */
  | { readonly kind: 'failed'; readonly message: string }
  /** The service does not know the agent or its token. */
  | { readonly kind: 'forgotten'; readonly message: string }
);

export interface HeartbeatSetup {
  readonly baseUrl: string;
  /** Used where the service gives agents no token. */
  readonly apiKey: string | undefined;
  readonly leaseSeconds: number;
  /** Between attempts while the service is away. */
  readonly retryDelaysMs: readonly number[];
  readonly identity: HeartbeatIdentity;
}

/** Two may be lost before the lease is. */
const BEATS_PER_LEASE = 3;

const MIN_TIMEOUT_MS = 1_000;
const MAX_TIMEOUT_MS = 10_000;

/** Renews a lease by heartbeats, and says what comes of them. */
export class HeartbeatLoop {
  readonly #client: AgentKitClient;
  readonly #clock: Clock;
  readonly #tell: (note: HeartbeatNote) => void;
  readonly #everyMs: number;
  readonly #delaysMs: readonly number[];
  readonly #stop = new AbortController();
  #identity: HeartbeatIdentity;
  #failing = false;

  constructor(setup: HeartbeatSetup, clock: Clock, tell: (note: HeartbeatNote) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#identity = setup.identity;
    this.#everyMs = (setup.leaseSeconds * 1000) / BEATS_PER_LEASE;
    // Never longer than the usual pause: the service's grace after an absence is one lease.
    this.#delaysMs = setup.retryDelaysMs.map((ms) => Math.min(ms, this.#everyMs));
    this.#client = new AgentKitClient({
      baseUrl: setup.baseUrl,
      apiKey: setup.apiKey,
      timeoutMs: Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, this.#everyMs)),
    });
  }

  /** The agent has registered again. */
  use(identity: HeartbeatIdentity): void {
    this.#identity = identity;
    this.#failing = false;
  }

  /** Beats until it is stopped; never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#clock.sleep(jittered(this.#everyMs, this.#clock.random()), signal);
      if (signal.aborted) return;
      await this.#beat(this.#identity);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #beat(identity: HeartbeatIdentity): Promise<void> {
    const { agentId, token, generation } = identity;
    const { signal } = this.#stop;
    try {
      const agent = await withRetry(() => this.#client.heartbeat(agentId, { token, signal }), {
        delaysMs: this.#delaysMs,
        repeatLast: true,
        clock: this.#clock,
        signal,
        retryable: (error) => isTransient(error) && this.#identity === identity,
        onRetry: (error) => {
          this.#fail(generation, error);
        },
      });
      const { status, revision } = agent;
      this.#tell({ kind: 'taken', generation, status, revision, afterFailure: this.#failing });
      this.#failing = false;
    } catch (error) {
      if (signal.aborted) return;
      if (isForgotten(error)) this.#tell({ kind: 'forgotten', generation, message: error.message });
      else this.#fail(generation, error);
    }
  }

  #fail(generation: number, error: unknown): void {
    if (!this.#failing) this.#tell({ kind: 'failed', generation, message: messageOf(error) });
    this.#failing = true;
  }
}
