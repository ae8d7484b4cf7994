import { resolveAgentOptions, type AgentOptions, type AgentSettings } from './agent-options.ts';
import type { RegisteredAgent } from './api-types.ts';
import { AgentKitClient } from './client.ts';
import { startDispatchServer, type DispatchServer } from './dispatch-server.ts';
import { createIntake } from './intake.ts';
import { messageOf } from './logger.ts';
import { reportStateToOpscore, type AgentState } from './opscore.ts';
import { registerWithRetry } from './registration.ts';
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
 * Starts an agent: listens, registers (going on while the service is away), reports `idle`, and hands every
 * verified task to its handler, once. Resolves when it is registered. Rejects with an AgentKitError:
 * `invalid_argument`, `listen_failed`, `aborted`, or what the service refused the registration with.
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const agent = new AgentProcess(resolveAgentOptions(options));
  await agent.start();
  return agent;
}

class AgentProcess implements Agent {
  readonly #settings: AgentSettings;
  readonly #client: AgentKitClient;
  readonly #reports: ReportQueue | undefined;
  readonly #runner: TaskRunner;
  /** Aborted when registering is to be given up. */
  readonly #giveUp = new AbortController();
  /** Resolves when dispatches need not be held any more. */
  readonly #decided: Promise<void>;
  #decide: () => void = () => undefined;
  #server: DispatchServer | undefined;
  #registered: RegisteredAgent | undefined;
  #closing: Promise<void> | undefined;
  #releaseSignals: () => void = () => undefined;

  constructor(settings: AgentSettings) {
    this.#settings = settings;
    this.#client = new AgentKitClient(settings.client);
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
    return this.#registered?.agentId ?? '';
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
      registered: () => this.#registered,
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
      await this.#register(this.#server.url);
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
    if (deregister) await this.#deregister();
    await this.#server?.close();
    this.#releaseSignals();
  }

  async #register(listeningAt: string): Promise<void> {
    const endpoint = this.#settings.contactEndpoint ?? listeningAt;
    const signal = this.#giveUp.signal;
    this.#registered = await registerWithRetry(this.#client, this.#settings, endpoint, signal);
  }

  async #deregister(): Promise<void> {
    if (this.#registered === undefined) return;
    const { agentId, agentToken } = this.#registered;
    try {
      await this.#client.deregisterAgent(agentId, { token: agentToken });
    } catch (error) {
      this.#settings.logger.error(`${this.#settings.name}: not deregistered: ${messageOf(error)}`);
    }
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
