import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Registry } from '../registry/registry.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import {
  AgentParams,
  AgentView,
  errorResponses,
  RegisteredView,
  RegistrationBody,
  success,
  successPage,
} from './schemas.ts';
import { agentView, registeredView } from './views.ts';

const AGENT_POSITION = /^[0-9a-f-]{36}$/;

const AgentsQuery = Type.Object({
  capability: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 20 })], {
      description: 'May be repeated: the agent has all of them.',
    }),
  ),
  name: Type.Optional(Type.String()),
  version: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
});

/** Contract section 2. */
export function agentRoutes(registry: Registry): FastifyPluginAsyncTypebox {
  return async (app) => {
    for (const url of ['/v1/agents/register', '/v1/agents']) {
      app.post(
        url,
        {
          schema: {
            summary: 'Register an agent',
            tags: ['agents'],
            body: RegistrationBody,
            response: { 201: success(RegisteredView), ...errorResponses(409, 422) },
          },
        },
        async (request, reply) => {
          const agent = await registry.register(request.body);
          return reply
            .status(201)
            .header('location', `/v1/agents/${agent.agentId}`)
            .send({ status: 'success', message: 'Agent registered.', data: registeredView(agent) });
        },
      );
    }

    app.put(
      '/v1/agents/register',
      {
        schema: {
          summary: 'Register an agent, or register it again',
          description: 'Idempotent: a restarted agent keeps its agentId and its signingSecret.',
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
        const { agent, created } = await registry.upsert(request.body);
        return reply
          .status(created ? 201 : 200)
          .header('location', `/v1/agents/${agent.agentId}`)
          .send({
            status: 'success',
            message: created ? 'Agent registered.' : 'Agent registered again.',
            data: registeredView(agent),
          });
      },
    );

    app.get(
      '/v1/agents',
      {
        schema: {
          summary: 'List agents, in the order of their registration',
          tags: ['agents'],
          querystring: AgentsQuery,
          response: { 200: successPage(AgentView), ...errorResponses(422) },
        },
      },
      async (request) => {
        const { capability, name, version, status, limit, cursor } = request.query;
        const page = await registry.list(
          {
            ...(capability === undefined ? {} : { capabilities: [capability].flat() }),
            ...(name === undefined ? {} : { name }),
            ...(version === undefined ? {} : { version }),
            ...(status === undefined ? {} : { status }),
          },
          { limit, after: decodeCursor(cursor, AGENT_POSITION) },
        );
        return {
          status: 'success' as const,
          message: `${page.items.length} agents.`,
          data: page.items.map(agentView),
          next_cursor: encodeCursor(page.next),
        };
      },
    );

    app.get(
      '/v1/agents/:agent_id',
      {
        schema: {
          summary: 'Get an agent',
          tags: ['agents'],
          params: AgentParams,
          response: { 200: success(AgentView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Agent found.',
        data: agentView(await registry.get(request.params.agent_id)),
      }),
    );

    app.delete(
      '/v1/agents/:agent_id',
      {
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
        data: agentView(await registry.deregister(request.params.agent_id)),
      }),
    );

    app.post(
      '/v1/agents/:agent_id/heartbeat',
      {
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
        data: agentView(await registry.heartbeat(request.params.agent_id)),
      }),
    );
  };
}
