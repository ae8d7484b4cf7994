import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { newToken } from '../../src/auth/token.ts';
import { newId } from '../../src/ids.ts';
import {
  errorResponses,
  RegisteredView,
  RegistrationBody,
  success,
} from '../../src/routes/schemas.ts';
import { newSigningSecret } from '../../src/webhook/sign.ts';
import type { Job } from './queues/queue.ts';

/** Registration as a peer would have it: the agent in memory, the webhook by the queue. */
export function registration(add: (job: Job) => Promise<void>): FastifyPluginAsyncTypebox {
  const agents = new Map<string, object>();

  return async (app) => {
    app.post(
      '/v1/agents/register',
      {
        schema: {
          body: RegistrationBody,
          response: { 201: success(RegisteredView), ...errorResponses(409, 422) },
        },
      },
      async (request, reply) => {
        const { agentName, version, contactEndpoint, capabilities, metadata } = request.body;
        if (agents.has(agentName)) throw new NameTakenError();
        const agentId = newId();
        const now = new Date().toISOString();
        const details = {
          agentId,
          agentName,
          version,
          capabilities: capabilities ?? [],
          contactEndpoint,
          metadata: metadata ?? {},
        };
        const agent = {
          ...details,
          registrationTime: now,
          updatedAt: now,
          lastSeenAt: now,
          status: 'online' as const,
          leaseSeconds: null,
          leaseExpiresAt: null,
          pausedAt: null,
          revision: agents.size,
        };
        agents.set(agentName, agent);
        const body = JSON.stringify({ event_type: 'REGISTER', agent_details: details });
        await add({ id: newId(), agentId, body: Buffer.from(body) });
        return reply
          .status(201)
          .header('location', `/v1/agents/${agentId}`)
          .send({
            status: 'success',
            message: 'Agent registered.',
            data: { ...agent, signingSecret: newSigningSecret(), agentToken: newToken('agt') },
          });
      },
    );
  };
}

class NameTakenError extends Error {
  override readonly message = 'An agent with this name is registered.';
  readonly statusCode = 409;
}
