import type { RegisteredAgent } from './api-types.ts';
import type { AgentSettings } from './agent-options.ts';
import type { AgentKitClient } from './client.ts';
import { AgentKitError } from './errors.ts';
import { messageOf } from './logger.ts';
import { isTransient, withRetry } from './retry.ts';

/**
 * Registers by `PUT`, so that a restarted agent keeps its id, and goes on while the service is away (no answer,
 * 408, 425, 429, 5xx). Rejects at once on any other answer, such as 401, 403, 409 and 422.
 */
export async function registerWithRetry(
  client: AgentKitClient,
  settings: AgentSettings,
  contactEndpoint: string,
  signal: AbortSignal,
): Promise<RegisteredAgent> {
  const registered = await withRetry(
    () =>
      client.upsertAgent(
        {
          agentName: settings.name,
          version: settings.version,
          contactEndpoint,
          capabilities: settings.capabilities,
          metadata: settings.metadata,
        },
        { signal },
      ),
    {
      delaysMs: settings.registerDelaysMs,
      repeatLast: true,
      clock: settings.clock,
      signal,
      retryable: isTransient,
      onRetry: (error, delayMs) => {
        settings.logger.warn(
          `${settings.name}: not registered, again in ${String(delayMs)} ms: ${messageOf(error)}`,
        );
      },
    },
  );
  if (settings.verify && (registered.signingSecret ?? '') === '') {
    throw new AgentKitError(
      'invalid_response',
      'PUT /v1/agents/register: the answer has no signingSecret, so no task could be verified.',
    );
  }
  return registered;
}
