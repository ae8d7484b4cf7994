import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Access } from '../auth/principal.ts';
import { invalid } from '../errors.ts';
import type { Deregistration } from '../registry/deregistration.ts';
import type { Registry } from '../registry/registry.ts';
import { etagOf, revisionOf } from './etag.ts';
import {
  AgentParams,
  AgentView,
  errorResponses,
  PatchBody,
  RegisteredView,
  RegistrationBody,
  success,
} from './schemas.ts';
import { agentView, isoOrNull, registeredView } from './views.ts';

const REGISTERING: Access = { scopes: ['register'] };
/** The agent itself, the key that registered it, or an admin; whose agent it is the registry looks up. */
const OWNER: Access = { scopes: ['register'], agentToken: 'self' };

const RotateBody = Type.Object({
  overlapSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 31_536_000,
      description: 'Both secrets sign for so long (default: SECRET_OVERLAP).',
    }),
  ),
  hexAfterSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 31_536_000,
      description: 'When X-AgentKit-Signature changes to the new secret (default: at once).',
    }),
  ),
});

/** How agents come, change and leave (contract section 2). */
export function registrationRoutes(
  registry: Registry,
  deregistration: Deregistration,
): FastifyPluginAsyncTypebox {
  return async (app) => {
    for (const url of ['/v1/agents/register', '/v1/agents']) {
      app.post(
        url,
        {
          config: { access: REGISTERING },
          schema: {
            summary: 'Register an agent',
            tags: ['agents'],
            body: RegistrationBody,
            response: { 201: success(RegisteredView), ...errorResponses(409, 422) },
          },
        },
        async (request, reply) => {
          const registered = await registry.register(request.body, request.principal);
          return reply
            .status(201)
            .header('location', `/v1/agents/${registered.agent.agentId}`)
            .send({
              status: 'success',
              message: 'Agent registered.',
              data: registeredView(registered),
            });
        },
      );
    }

    app.put(
      '/v1/agents/register',
      {
        config: { access: { scopes: ['register'], agentToken: 'handler' } },
        schema: {
          summary: 'Register an agent, or register it again',
          description:
            'Idempotent: a restarted agent keeps its agentId and its signingSecret. A name that is taken belongs to ' +
            'the key that registered it: with another one the answer is 403.',
          tags: ['agents'],
          body: RegistrationBody,
          response: {
            200: success(RegisteredView),
            201: success(RegisteredView),
            ...errorResponses(409, 422),
          },
        },
      },
      async (request, reply) => {
        const registered = await registry.upsert(request.body, request.principal);
        const { agent, created } = registered;
        return reply
          .status(created ? 201 : 200)
          .header('location', `/v1/agents/${agent.agentId}`)
          .send({
            status: 'success',
            message: created ? 'Agent registered.' : 'Agent registered again.',
            data: registeredView(registered),
          });
      },
    );

    app.patch(
      '/v1/agents/:agent_id',
      {
        config: { access: OWNER },
        schema: {
          summary: 'Change what is known of an agent',
          description:
            'With If-Match (the ETag of an earlier answer) only if nobody changed it since. REGISTER goes out if something changed.',
          tags: ['agents'],
          params: AgentParams,
          body: PatchBody,
          response: {
            200: success(AgentView),
            ...errorResponses(400, 404, 412, 413, 415, 422),
          },
        },
      },
      async (request, reply) => {
        if ('agentName' in request.body) {
          throw invalid([{ path: '/agentName', message: 'An agent keeps its name' }]);
        }
        const agent = await registry.patch(
          request.params.agent_id,
          request.body,
          revisionOf(request.headers['if-match']),
          request.principal,
        );
        return reply.header('etag', etagOf(agent.revision)).send({
          status: 'success',
          message: 'Agent updated.',
          data: agentView(agent),
        });
      },
    );

    app.delete(
      '/v1/agents/:agent_id',
      {
        config: { access: OWNER },
        schema: {
          summary: 'Deregister an agent',
          description:
            'Its waiting tasks are cancelled and reported to Ops-Core as not deliverable.',
          tags: ['agents'],
          params: AgentParams,
          response: { 200: success(AgentView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Agent deregistered.',
        data: agentView(
          await deregistration.deregister(request.params.agent_id, request.principal),
        ),
      }),
    );

    app.post(
      '/v1/agents/:agent_id/heartbeat',
      {
        config: { access: OWNER },
        schema: {
          summary: 'Tell that an agent is alive',
          tags: ['agents'],
          params: AgentParams,
          response: { 200: success(AgentView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Heartbeat taken.',
        data: agentView(await registry.heartbeat(request.params.agent_id, request.principal)),
      }),
    );

    app.post(
      '/v1/agents/:agent_id/signing-secret/rotate',
      {
        config: { access: OWNER },
        schema: {
          summary: "Replace an agent's signing secret",
          description:
            'For overlapSeconds the Standard Webhooks header carries a signature by each of the two secrets.',
          tags: ['agents'],
          params: AgentParams,
          body: RotateBody,
          response: {
            200: success(
              Type.Object({
                agentId: Type.String(),
                signingSecret: Type.String({ description: 'The new one.' }),
                previousUntil: Type.Union([Type.String(), Type.Null()], {
                  description: 'Until then the old one signs as well. ISO 8601, UTC.',
                }),
              }),
            ),
            ...errorResponses(400, 404, 413, 415, 422),
          },
        },
      },
      async (request) => {
        const { overlapSeconds, hexAfterSeconds } = request.body;
        const agent = await registry.rotateSecret(request.params.agent_id, request.principal, {
          ...(overlapSeconds === undefined ? {} : { overlapMs: overlapSeconds * 1000 }),
          ...(hexAfterSeconds === undefined ? {} : { hexAfterMs: hexAfterSeconds * 1000 }),
        });
        return {
          status: 'success' as const,
          message: 'Signing secret replaced.',
          data: {
            agentId: agent.agentId,
            signingSecret: agent.signingSecret,
            previousUntil: isoOrNull(agent.previousSecret?.until ?? null),
          },
        };
      },
    );
  };
}
