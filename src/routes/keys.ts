import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Keyring, KeyView } from '../auth/keyring.ts';
import { scopes, type Access } from '../auth/principal.ts';
import { KEY_NAME } from '../config/parse.ts';
import { errorResponses, success } from './schemas.ts';
import { isoOrNull } from './views.ts';

const Scope = Type.Union(scopes.map((scope) => Type.Literal(scope)));

const Name = Type.String({
  pattern: KEY_NAME.source,
  description: '1 to 64 letters, digits, dots, underscores and hyphens.',
});

const keyProperties = {
  name: Type.String(),
  scope: Scope,
  prefix: Type.String({ description: 'The start of the key, to tell keys apart.' }),
  source: Type.String({ description: 'environment (AGENTKIT_API_KEYS) or store.' }),
  createdAt: Type.Union([Type.String(), Type.Null()], { description: 'ISO 8601, UTC.' }),
  previousUntil: Type.Union([Type.String(), Type.Null()], {
    description: 'Until then the key that this one replaced works as well. ISO 8601, UTC.',
  }),
};

const Key = Type.Object(keyProperties, { title: 'Key' });

const KeyShown = Type.Object(
  { ...keyProperties, key: Type.String({ description: 'Shown only here.' }) },
  { title: 'NewKey' },
);

const KeyParams = Type.Object({ key_name: Type.String() });

const ADMIN: Access = { scopes: [] };

/** API keys at run time (docs/security.md). */
export function keyRoutes(keyring: Keyring, secretOverlap: number): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/keys',
      {
        config: { access: ADMIN },
        schema: {
          summary: 'List keys, by prefix only',
          tags: ['keys'],
          response: { 200: success(Type.Array(Key)) },
        },
      },
      async () => {
        const keys = await keyring.list();
        return {
          status: 'success' as const,
          message: `${keys.length} keys.`,
          data: keys.map(keyView),
        };
      },
    );

    app.post(
      '/v1/keys',
      {
        config: { access: ADMIN },
        schema: {
          summary: 'Create a key',
          description:
            'The answer shows the key, once. The first key ends open mode and has to be an admin.',
          tags: ['keys'],
          body: Type.Object({ name: Name, scope: Scope }),
          response: { 201: success(KeyShown), ...errorResponses(400, 409, 413, 415, 422) },
        },
      },
      async (request, reply) => {
        const { key, view } = await keyring.create(request.body.name, request.body.scope);
        return reply.status(201).send({
          status: 'success',
          message: 'Key created. Keep it now: it is not shown again.',
          data: { ...keyView(view), key },
        });
      },
    );

    app.post(
      '/v1/keys/:key_name/rotate',
      {
        config: { access: ADMIN },
        schema: {
          summary: 'Replace a key',
          description: 'The old one works on for overlapSeconds (default: SECRET_OVERLAP).',
          tags: ['keys'],
          params: KeyParams,
          body: Type.Object({
            overlapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
          }),
          response: { 200: success(KeyShown), ...errorResponses(400, 404, 409, 413, 415, 422) },
        },
      },
      async (request) => {
        const { overlapSeconds } = request.body;
        const overlapMs = overlapSeconds === undefined ? secretOverlap : overlapSeconds * 1000;
        const { key, view } = await keyring.rotate(request.params.key_name, overlapMs);
        return {
          status: 'success' as const,
          message: 'Key replaced. Keep the new one now: it is not shown again.',
          data: { ...keyView(view), key },
        };
      },
    );

    app.delete(
      '/v1/keys/:key_name',
      {
        config: { access: ADMIN },
        schema: {
          summary: 'Revoke a key',
          tags: ['keys'],
          params: KeyParams,
          response: {
            200: success(Type.Object({ name: Type.String() })),
            ...errorResponses(404, 409),
          },
        },
      },
      async (request) => {
        await keyring.revoke(request.params.key_name);
        return {
          status: 'success' as const,
          message: 'Key revoked.',
          data: { name: request.params.key_name },
        };
      },
    );
  };
}

function keyView(view: KeyView) {
  return {
    ...view,
    createdAt: isoOrNull(view.createdAt),
    previousUntil: isoOrNull(view.previousUntil),
  };
}
