import type { PageFilter, RegisteredAgent, SecretRotation, TaskRecord } from './api-types.ts';
import type { AgentSettings } from './agent-options.ts';
import { AgentKitClient } from './client.ts';
import { AgentKitError } from './errors.ts';
import { messageOf } from './logger.ts';
import { isTransient, withRetry } from './retry.ts';
import { SigningSecrets } from './signing-secrets.ts';

/**
 * What an agent is to the service: its id, its token, the secrets that its dispatches are signed with. The API key
 * is for registering alone; all that follows is done with the agent's own token, where the service gave one.
 */
export class Registration {
  readonly #settings: AgentSettings;
  readonly #client: AgentKitClient;
  readonly #secrets = new SigningSecrets();
  #agent: RegisteredAgent | undefined;
  #rotation: Promise<unknown> | undefined;

  constructor(settings: AgentSettings) {
    this.#settings = settings;
    this.#client = new AgentKitClient(settings.client);
  }

  /** Undefined until the service answered. */
  get agentId(): string | undefined {
    return this.#agent?.agentId;
  }

  /** While a rotation is under way: the service may sign with a secret that we have not been told yet. */
  get rotating(): Promise<unknown> | undefined {
    return this.#rotation;
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
    const { name, version, capabilities, metadata, verify, clock, logger } = this.#settings;
    const agent = { agentName: name, version, contactEndpoint, capabilities, metadata };
    const registered = await withRetry(() => this.#client.upsertAgent(agent, { signal }), {
      delaysMs: this.#settings.registerDelaysMs,
      repeatLast: true,
      clock,
      signal,
      retryable: isTransient,
      onRetry: (error, delayMs) => {
        logger.warn(`${name}: not registered, again in ${String(delayMs)} ms: ${messageOf(error)}`);
      },
    });
    const { signingSecret = '' } = registered;
    if (verify && signingSecret === '') {
      throw new AgentKitError(
        'invalid_response',
        'PUT /v1/agents/register: the answer has no signingSecret, so no task could be verified.',
      );
    }
    this.#secrets.set(signingSecret);
    this.#agent = registered;
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
    await this.#client.heartbeat(this.#id(), this.#token());
  }

  async listTasks(
    filter?: PageFilter,
  ): Promise<{ tasks: TaskRecord[]; nextCursor: string | null }> {
    return this.#client.listTasks(this.#id(), filter, this.#token());
  }

  async getTask(taskId: string): Promise<TaskRecord> {
    return this.#client.getTask(taskId, this.#token());
  }

  /** One at a time: answers that overtake each other would leave the older secret as the newest. */
  async rotateSigningSecret(rotation?: SecretRotation): Promise<{ previousUntil: string }> {
    while (this.#rotation !== undefined) await this.#rotation.catch(() => undefined);
    const answer = this.#client.rotateSigningSecret(this.#id(), rotation, this.#token());
    this.#rotation = answer;
    try {
      const { signingSecret, previousUntil } = await answer;
      this.#secrets.rotate(signingSecret, previousUntil);
      return { previousUntil };
    } finally {
      this.#rotation = undefined;
    }
  }

  #id(): string {
    return this.#agent?.agentId ?? '';
  }

  #token(): { readonly token: string | undefined } {
    return { token: this.#agent?.agentToken };
  }
}
