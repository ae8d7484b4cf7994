import type {
  RegisteredAgent,
  SecretRotation,
  TaskFilter,
  TaskRecord,
  TaskSummary,
} from './api-types.ts';
import type { AgentSettings } from './agent-options.ts';
import { AgentKitClient } from './client.ts';
import { AgentKitError, isForgotten } from './errors.ts';
import type { HeartbeatSubject } from './heartbeat.ts';
import { messageOf } from './logger.ts';
import { isTransient, withRetry } from './retry.ts';
import { SigningSecrets } from './signing-secrets.ts';

interface OwnCredential {
  readonly token: string | undefined;
}

/** Dispatches that were signed before a rotation may still arrive for so long: DISPATCH_TIMEOUT and then some. */
const UNDER_WAY_MS = 60_000;

/**
 * What an agent is to the service: its id, its token, the secrets that its dispatches are signed with. The API key
 * is for registering alone; all that follows is done with the agent's own token, where the service gave one.
 */
export class Registration {
  readonly #settings: AgentSettings;
  readonly #client: AgentKitClient;
  readonly #secrets = new SigningSecrets();
  readonly #onRenewed: () => void;
  #agent: RegisteredAgent | undefined;
  /** What the agent registers as, and what ends its attempts. */
  #endpoint = '';
  #signal: AbortSignal | undefined;
  #change: Promise<unknown> | undefined;
  #renewal: Promise<void> | undefined;
  #refreshed = false;

  /** @param onRenewed called when the agent has registered again. */
  constructor(settings: AgentSettings, onRenewed: () => void) {
    this.#settings = settings;
    this.#onRenewed = onRenewed;
    this.#client = new AgentKitClient(settings.client);
  }

  /** Undefined until the service answered. */
  get agentId(): string | undefined {
    return this.#agent?.agentId;
  }

  get subject(): HeartbeatSubject {
    return { agentId: this.#id(), revision: this.#agent?.revision, ...this.#token() };
  }

  /** While an answer is under way that brings a new secret: the service may sign with it already. */
  get changing(): Promise<unknown> | undefined {
    return this.#change;
  }

  /** The secrets that count now. */
  secrets(): string[] {
    return this.#secrets.at(this.#settings.clock.now());
  }

  /**
   * Registers by `PUT`, so that a restarted agent keeps its id, and goes on while the service is away (no answer,
   * 408, 425, 429, 5xx). Rejects at once on any other answer, such as 401, 403, 409 and 422.
   */
  async register(contactEndpoint: string, signal: AbortSignal): Promise<void> {
    this.#endpoint = contactEndpoint;
    this.#signal = signal;
    const registered = await this.#put(isTransient);
    if (this.#settings.verify && (registered.signingSecret ?? '') === '') {
      throw new AgentKitError(
        'invalid_response',
        'PUT /v1/agents/register: the answer has no signingSecret, so no task could be verified.',
      );
    }
    this.#adopt(registered);
    this.#secrets.set(registered.signingSecret ?? '');
  }

  /**
   * The service has forgotten the agent: registers it again, in the background. It goes on whatever the service
   * answers, as nobody is there to be told of a refusal, and a key may be put right.
   */
  renew(reason: string): void {
    if (this.#renewal !== undefined || this.#signal?.aborted !== false) return;
    const { name, logger } = this.#settings;
    logger.warn(`${name}: the service has forgotten the agent, registering again: ${reason}`);
    const answer = this.#put(() => true);
    this.#change = answer;
    this.#renewal = answer
      .then(
        (registered) => {
          this.#adopt(registered);
          this.#secrets.set(registered.signingSecret ?? '');
          this.#refreshed = false;
          logger.info(`${name}: registered again as ${registered.agentId}`);
          this.#onRenewed();
        },
        () => undefined,
      )
      .finally(() => {
        this.#change = undefined;
        this.#renewal = undefined;
      });
  }

  /** Somebody else has replaced the signing secret: a `PUT` tells the new one. Tried once per secret. */
  refreshSecret(): void {
    if (this.#refreshed || this.#change !== undefined) return;
    this.#refreshed = true;
    const { name, clock, logger } = this.#settings;
    logger.info(`${name}: the signing secret was replaced, asking for the new one`);
    void this.#put(isTransient, this.#token())
      .then((registered) => {
        this.#adopt(registered);
        this.#onRenewed();
        const { signingSecret = '' } = registered;
        if (signingSecret === '' || signingSecret === this.#secrets.newest) return;
        this.#secrets.rotate(signingSecret, new Date(clock.now() + UNDER_WAY_MS).toISOString());
        this.#refreshed = false;
      })
      .catch((error: unknown) => {
        if (isForgotten(error)) this.renew(error.message);
        else logger.error(`${name}: the new signing secret is not known: ${messageOf(error)}`);
      });
  }

  /** Whatever becomes of it is logged; nothing to do when it was never registered. */
  async deregister(): Promise<void> {
    if (this.#agent === undefined) return;
    try {
      await this.#client.deregisterAgent(this.#agent.agentId, this.#token());
    } catch (error) {
      this.#settings.logger.error(`${this.#settings.name}: not deregistered: ${messageOf(error)}`);
    }
  }

  async heartbeat(): Promise<void> {
    await this.#own(() => this.#client.heartbeat(this.#id(), this.#token()));
  }

  async listTasks(
    filter?: TaskFilter,
  ): Promise<{ tasks: TaskSummary[]; nextCursor: string | null }> {
    return this.#own(() => this.#client.listTasks(this.#id(), filter, this.#token()));
  }

  async getTask(taskId: string): Promise<TaskRecord> {
    return this.#own(() => this.#client.getTask(taskId, this.#token()));
  }

  /** One at a time: answers that overtake each other would leave the older secret as the newest. */
  async rotateSigningSecret(rotation?: SecretRotation): Promise<{ previousUntil: string }> {
    while (this.#change !== undefined) await this.#change.catch(() => undefined);
    const answer = this.#own(() =>
      this.#client.rotateSigningSecret(this.#id(), rotation, this.#token()),
    );
    this.#change = answer;
    try {
      const { signingSecret, previousUntil } = await answer;
      this.#secrets.rotate(signingSecret, previousUntil);
      this.#refreshed = false;
      return { previousUntil };
    } finally {
      if (this.#change === answer) this.#change = undefined;
    }
  }

  /** A call of the agent on itself. It rejects when the service has forgotten the agent, which registers again. */
  async #own<T>(call: () => Promise<T>): Promise<T> {
    const used = this.#agent;
    try {
      return await call();
    } catch (error) {
      if (isForgotten(error) && this.#agent === used) this.renew(error.message);
      throw error;
    }
  }

  #put(
    retryable: (error: unknown) => boolean,
    credential: OwnCredential = { token: undefined },
  ): Promise<RegisteredAgent> {
    const { name, version, capabilities, metadata, leaseSeconds, clock, logger } = this.#settings;
    const agent = {
      agentName: name,
      version,
      contactEndpoint: this.#endpoint,
      capabilities,
      metadata,
      leaseSeconds,
    };
    const signal = this.#signal;
    return withRetry(() => this.#client.upsertAgent(agent, { ...credential, signal }), {
      delaysMs: this.#settings.registerDelaysMs,
      repeatLast: true,
      clock,
      signal,
      retryable: (error) => signal?.aborted !== true && retryable(error),
      onRetry: (error, delayMs) => {
        logger.warn(`${name}: not registered, again in ${String(delayMs)} ms: ${messageOf(error)}`);
      },
    });
  }

  /** Who registers with its token keeps it: the answer has none. */
  #adopt(registered: RegisteredAgent): void {
    const agentToken = registered.agentToken ?? this.#agent?.agentToken;
    this.#agent = { ...registered, ...(agentToken === undefined ? {} : { agentToken }) };
  }

  #id(): string {
    return this.#agent?.agentId ?? '';
  }

  #token(): OwnCredential {
    return { token: this.#agent?.agentToken };
  }
}
