import { resolveAgentOptions, type AgentOptions, type AgentSettings } from './agent-options.ts';
import type { SecretRotation, TaskFilter, TaskRecord, TaskSummary } from './api-types.ts';
import { startDispatchServer, type DispatchServer } from './dispatch-server.ts';
import { Heartbeat } from './heartbeat.ts';
import { createIntake } from './intake.ts';
import { reportStateToOpscore, type AgentState } from './opscore.ts';
import { Registration } from './registration.ts';
import { ReportQueue } from './report-queue.ts';
import { closeOnSignals } from './signals.ts';
import { TaskRunner } from './task-runner.ts';

/** A registered agent that takes tasks. */
export interface Agent {
  readonly agentId: string;
  /** Where it listens. */
  readonly url: string;
  /** Tasks that it took and that have not ended. */
  readonly inFlight: number;
  /** Tells the service that the agent is alive; with a lease that goes by itself. */
  heartbeat(): Promise<void>;
  /** What the service knows of this agent's tasks: one page. */
  listTasks(filter?: TaskFilter): Promise<{ tasks: TaskSummary[]; nextCursor: string | null }>;
  /** One of this agent's tasks: its state and attempts. */
  getTask(taskId: string): Promise<TaskRecord>;
  /**
   * Has the service sign with a new secret, and takes dispatches by the new one and, until `previousUntil` (ISO 8601),
   * by the old one. When it rejects for want of an answer the service may have rotated all the same: call it again
   * within the overlap.
   */
  rotateSigningSecret(rotation?: SecretRotation): Promise<{ previousUntil: string }>;
  /**
   * Takes no more tasks (503), waits for the handlers up to `graceMs`, sends the last reports, deregisters (unless
   * told not to: the service then keeps the waiting tasks for the next start), stops listening. Never rejects.
   */
  close(options?: { readonly deregister?: boolean }): Promise<void>;
}

/** For handlers that heed their aborted signal to come to an end. */
const SETTLE_MS = 1_000;
/** For the last reports to be sent. */
const FLUSH_MS = 5_000;

/**
 * Starts an agent: listens, registers (going on while the service is away), reports `idle`, keeps its lease, and hands
 * every verified task to its handler, once. When the service forgets it, it registers again, perhaps under another
 * `agentId`. Resolves when it is registered. Rejects with an AgentKitError:
 * `invalid_argument`, `listen_failed`, `aborted`, or what the service refused the registration with.
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const agent = new AgentProcess(resolveAgentOptions(options));
  await agent.start();
  return agent;
}

class AgentProcess implements Agent {
  readonly #settings: AgentSettings;
  readonly #registration: Registration;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #reports: ReportQueue | undefined;
  readonly #runner: TaskRunner;
  /** Aborted when registering is to be given up. */
  readonly #giveUp = new AbortController();
  /** Resolves when dispatches need not be held any more. */
  readonly #decided: Promise<void>;
  #decide: () => void = () => undefined;
  #server: DispatchServer | undefined;
  /** The id under which states are reported. */
  #reportedAs = '';
  #closing: Promise<void> | undefined;
  #releaseSignals: () => void = () => undefined;

  constructor(settings: AgentSettings) {
    this.#settings = settings;
    this.#registration = new Registration(settings, () => {
      this.#onRenewed();
    });
    this.#heartbeat = this.#createHeartbeat();
    this.#decided = new Promise((resolve) => (this.#decide = resolve));
    this.#reports = this.#createReports();
    this.#runner = new TaskRunner({
      logger: settings.logger,
      report: (state, details) => {
        this.#report(state, details);
      },
    });
  }

  get agentId(): string {
    return this.#registration.agentId ?? '';
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  get inFlight(): number {
    return this.#runner.inFlight;
  }

  async start(): Promise<void> {
    const { host, port, maxBodyBytes, logger, name, signal } = this.#settings;
    const intake = createIntake({
      settings: this.#settings,
      runner: this.#runner,
      registration: this.#registration,
      isClosing: () => this.#closing !== undefined,
      decided: this.#decided,
    });
    this.#server = await startDispatchServer({ host, port, maxBodyBytes, ...intake });
    if (this.#settings.handleSignals) this.#releaseSignals = closeOnSignals(() => this.close());
    const giveUp = (): void => {
      this.#giveUp.abort();
    };
    signal?.addEventListener('abort', giveUp);
    if (signal?.aborted === true) giveUp();
    try {
      const endpoint = this.#settings.contactEndpoint ?? this.#server.url;
      await this.#registration.register(endpoint, this.#giveUp.signal);
    } catch (error) {
      // SIGTERM came meanwhile, and the process is about to exit with 0: a rejection would make that a 1.
      if (this.#closing !== undefined) await new Promise<never>(() => undefined);
      await this.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    logger.info(`${name}: registered as ${this.agentId}, taking tasks at ${this.url}`);
    // Before the first dispatch is let in, so that `idle` comes before its `active`.
    this.#report('idle', {});
    this.#decide();
    this.#reportedAs = this.agentId;
    this.#heartbeat?.use(this.#registration.subject);
  }

  heartbeat(): Promise<void> {
    return this.#registration.heartbeat();
  }

  listTasks(filter?: TaskFilter): ReturnType<Agent['listTasks']> {
    return this.#registration.listTasks(filter);
  }

  getTask(taskId: string): Promise<TaskRecord> {
    return this.#registration.getTask(taskId);
  }

  rotateSigningSecret(rotation?: SecretRotation): ReturnType<Agent['rotateSigningSecret']> {
    return this.#registration.rotateSigningSecret(rotation);
  }

  close(options: { readonly deregister?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(options.deregister ?? true);
    return this.#closing;
  }

  async #close(deregister: boolean): Promise<void> {
    const { graceMs, clock } = this.#settings;
    this.#giveUp.abort();
    this.#decide();
    await this.#runner.drain(graceMs, SETTLE_MS, clock);
    await this.#reports?.flush(FLUSH_MS);
    await this.#heartbeat?.stop();
    if (deregister) await this.#registration.deregister();
    await this.#server?.close();
    this.#releaseSignals();
  }

  #createHeartbeat(): Heartbeat | undefined {
    const { leaseSeconds, client, registerDelaysMs, name, logger } = this.#settings;
    if (leaseSeconds === undefined) return undefined;
    const { baseUrl, apiKey } = client;
    return new Heartbeat({
      setup: { baseUrl, apiKey, leaseSeconds, retryDelaysMs: registerDelaysMs },
      name,
      logger,
      onForgotten: (message) => {
        this.#registration.renew(message);
      },
      onReturn: () => {
        this.#reportIdleAgain();
      },
    });
  }

  #onRenewed(): void {
    this.#heartbeat?.use(this.#registration.subject);
    if (this.agentId !== this.#reportedAs) this.#reports?.restart();
    this.#reportedAs = this.agentId;
    this.#reportIdleAgain();
  }

  /** Ops-Core may have written the agent off; with tasks in flight the last one's end says `idle`. */
  #reportIdleAgain(): void {
    if (this.#closing === undefined && this.#runner.inFlight === 0) this.#report('idle', {});
  }

  #createReports(): ReportQueue | undefined {
    const { opscore, logger, clock, reportDelaysMs, name } = this.#settings;
    if (opscore === undefined) {
      logger.warn(
        `${name}: no state reports: OPSCORE_API_URL and OPSCORE_API_KEY are not both set`,
      );
      return undefined;
    }
    const retry = { delaysMs: reportDelaysMs, clock };
    return new ReportQueue({
      logger,
      send: (report, signal) =>
        reportStateToOpscore({ ...opscore, ...report, agentId: this.agentId, retry, signal }),
    });
  }

  #report(state: AgentState, details: Record<string, unknown>): void {
    this.#reports?.push({ state, details, timestamp: new Date(this.#settings.clock.now()) });
  }
}
