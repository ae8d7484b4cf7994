import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Access } from '../auth/principal.ts';
import type { Registry } from '../registry/registry.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { etagOf, matches } from './etag.ts';
import {
  AgentParams,
  AgentStatusSchema,
  AgentView,
  errorResponses,
  nullable,
  success,
  successPage,
} from './schemas.ts';
import { agentEventView, agentView } from './views.ts';

/** An agent's id, or its name where the pages go by that. */
const ID_POSITION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NAME_POSITION = /^.{1,200}$/s;
const EVENT_POSITION = /^\d{1,16}$/;

const READING: Access = { scopes: ['read', 'dispatch'] };

const AgentsQuery = Type.Object({
  capability: Type.Optional(
    Type.Union([Type.Array(Type.String(), { maxItems: 20 }), Type.String()], {
      description: 'May be repeated: the agent has all of them.',
    }),
  ),
  name: Type.Optional(Type.String({ description: 'The agentName starts with it.' })),
  version: Type.Optional(Type.String()),
  status: Type.Optional(AgentStatusSchema),
  metadata_key: Type.Optional(
    Type.String({ description: 'The metadata has this key at the top level.' }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }),
  cursor: Type.Optional(Type.String({ maxLength: 1200 })),
});

const ChangesQuery = Type.Object({
  since: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'A changes_cursor or next_cursor; absent: all kept.',
    }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }),
});

const AgentEventView = Type.Object(
  {
    seq: Type.Integer(),
    type: Type.String({ description: 'registered, updated, status or deregistered.' }),
    at: Type.String({ description: 'ISO 8601, UTC.' }),
    agentId: Type.String(),
    agent: nullable(AgentView),
  },
  {
    title: 'AgentEvent',
    description: 'The agent as it was after the event; null once deregistered.',
  },
);

/** Finding agents, and keeping up with them (contract section 2). */
export function discoveryRoutes(registry: Registry): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/agents',
      {
        config: { access: READING },
        schema: {
          summary: 'List agents',
          description:
            'In the order of their registration; by name where name is given without capability and metadata_key. ' +
            'The ETag changes when an agent does; heartbeats leave it as it is.',
          tags: ['agents'],
          querystring: AgentsQuery,
          response: {
            200: Type.Composite([
              successPage(AgentView),
              Type.Object({
                changes_cursor: Type.String({ description: 'For GET /v1/agents/changes?since=.' }),
              }),
            ]),
            304: Type.Null({ description: 'Nothing changed since the ETag of If-None-Match.' }),
            ...errorResponses(422),
          },
        },
      },
      async (request, reply) => {
        const { capability, name, version, status, metadata_key, limit, cursor } = request.query;
        const byName = name !== undefined && capability === undefined && metadata_key === undefined;
        const after = decodeCursor(cursor, byName ? NAME_POSITION : ID_POSITION);
        // Read before the list: what happens in between is told twice rather than never.
        const last = await registry.lastEvent();
        const etag = etagOf(last, 'weak');
        reply.header('etag', etag);
        if (matches(request.headers['if-none-match'], etag)) return reply.status(304).send(null);
        const page = await registry.list(
          {
            ...(capability === undefined ? {} : { capabilities: [capability].flat() }),
            ...(name === undefined ? {} : { namePrefix: name }),
            ...(metadata_key === undefined ? {} : { metadataKey: metadata_key }),
            ...(version === undefined ? {} : { version }),
            ...(status === undefined ? {} : { status }),
          },
          { limit, after },
        );
        return {
          status: 'success' as const,
          message: `${page.items.length} agents.`,
          data: page.items.map(agentView),
          next_cursor: encodeCursor(page.next),
          changes_cursor: encodeCursor(String(last)),
        };
      },
    );

    app.get(
      '/v1/agents/changes',
      {
        config: { access: READING },
        schema: {
          summary: 'What happened to agents since',
          description:
            'To reconcile after an outage without listing all agents. next_cursor is always given: ask again with it. ' +
            'Fewer events than limit: these were all.',
          tags: ['agents'],
          querystring: ChangesQuery,
          response: { 200: successPage(AgentEventView), ...errorResponses(410, 422) },
        },
      },
      async (request) => {
        const { since, limit } = request.query;
        const position = Number(decodeCursor(since, EVENT_POSITION, 'since') ?? 0);
        const events = await registry.events(position, limit);
        return {
          status: 'success' as const,
          message: `${events.length} events.`,
          data: events.map(agentEventView),
          next_cursor: encodeCursor(String(events.at(-1)?.seq ?? position)),
        };
      },
    );

    app.get(
      '/v1/agents/:agent_id',
      {
        config: { access: READING },
        schema: {
          summary: 'Get an agent',
          tags: ['agents'],
          params: AgentParams,
          response: { 200: success(AgentView), ...errorResponses(404) },
        },
      },
      async (request, reply) => {
        const agent = await registry.get(request.params.agent_id);
        return reply
          .header('etag', etagOf(agent.revision))
          .send({ status: 'success', message: 'Agent found.', data: agentView(agent) });
      },
    );
  };
}
