import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { scopes, type Principal } from '../auth/principal.ts';
import { errorResponses, nullable, success } from './schemas.ts';

const WhoView = Type.Object(
  {
    kind: Type.Union([Type.Literal('anonymous'), Type.Literal('key'), Type.Literal('agent')], {
      description: 'anonymous: no key exists, and everybody may do everything.',
    }),
    name: nullable(Type.String({ description: 'Of the key.' })),
    scope: nullable(Type.Union(scopes.map((scope) => Type.Literal(scope)))),
    agentId: nullable(Type.String({ description: 'Whose token it is.' })),
  },
  { title: 'Who' },
);

/** Whoever has a credential may know what it is. */
export const whoamiRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/v1/whoami',
    {
      config: { access: { scopes: ['dispatch', 'register', 'read'], agentToken: 'handler' } },
      schema: {
        summary: 'Whose credential this is, and what it may do',
        tags: ['keys'],
        response: { 200: success(WhoView), ...errorResponses() },
      },
    },
    async ({ principal }) => ({
      status: 'success' as const,
      message: 'That is you.',
      data: viewOf(principal),
    }),
  );
};

function viewOf(principal: Principal) {
  return {
    kind: principal.kind,
    name: principal.kind === 'key' ? principal.name : null,
    scope: principal.kind === 'key' ? principal.scope : null,
    agentId: principal.kind === 'agent' ? principal.agentId : null,
  };
}
