import { Type, type FastifyPluginAsyncTypebox, type Static } from '@fastify/type-provider-typebox';
import type { Access } from '../auth/principal.ts';
import type { Replays } from '../deliveries/replays.ts';
import type { ReplayFilter } from '../store/delivery-store.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { ReplayFilterBody, ReplayParams, ReplayView } from './delivery-schemas.ts';
import { replayView } from './delivery-views.ts';
import { momentOf } from './moment.ts';
import { errorResponses, success, successPage } from './schemas.ts';

const REPLAY_POSITION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const READING: Access = { scopes: ['read'] };
const ACTING: Access = { scopes: [] };

const ReplayBody = Type.Object(
  {
    filter: ReplayFilterBody,
    dryRun: Type.Optional(
      Type.Boolean({ description: 'true: only count what would be sent again.' }),
    ),
  },
  { additionalProperties: false, title: 'NewReplay' },
);

const ReplaysQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
});

/** Sending many dead letters again. */
export function replayRoutes(replays: Replays): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/replays',
      {
        config: { access: ACTING },
        schema: {
          summary: 'Send dead letters again, many by one order',
          description:
            'Those of the filter that are dead letters now; an empty filter takes all. With dryRun they are counted only ' +
            '(200). Otherwise a job begins (202), which goes on after a crash.',
          tags: ['deliveries'],
          body: ReplayBody,
          response: {
            200: success(Type.Object({ dryRun: Type.Literal(true), total: Type.Integer() })),
            202: success(ReplayView),
            ...errorResponses(422),
          },
        },
      },
      async (request, reply) => {
        const filter = filterOf(request.body.filter);
        if (request.body.dryRun === true) {
          const total = await replays.count(filter);
          return reply.status(200).send({
            status: 'success',
            message: `${total} dead letters would be sent again.`,
            data: { dryRun: true, total },
          });
        }
        const replay = await replays.create(filter, request.principal);
        return reply
          .status(202)
          .header('location', `/v1/replays/${replay.id}`)
          .send({
            status: 'success',
            message: `${replay.total} dead letters are being sent again.`,
            data: replayView(replay),
          });
      },
    );

    app.get(
      '/v1/replays',
      {
        config: { access: READING },
        schema: {
          summary: 'List replays, the newest first',
          tags: ['deliveries'],
          querystring: ReplaysQuery,
          response: { 200: successPage(ReplayView), ...errorResponses(422) },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query;
        const page = await replays.list({ limit, before: decodeCursor(cursor, REPLAY_POSITION) });
        return {
          status: 'success' as const,
          message: `${page.items.length} replays.`,
          data: page.items.map(replayView),
          next_cursor: encodeCursor(page.next),
        };
      },
    );

    app.get(
      '/v1/replays/:replay_id',
      {
        config: { access: READING },
        schema: {
          summary: 'Get a replay with its progress',
          tags: ['deliveries'],
          params: ReplayParams,
          response: { 200: success(ReplayView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Replay found.',
        data: replayView(await replays.get(request.params.replay_id)),
      }),
    );

    app.post(
      '/v1/replays/:replay_id/cancel',
      {
        config: { access: ACTING },
        schema: {
          summary: 'Stop a replay',
          description: 'What it has scheduled already stays scheduled. No body is needed.',
          tags: ['deliveries'],
          params: ReplayParams,
          response: { 200: success(ReplayView), ...errorResponses(404, 409) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Replay cancelled.',
        data: replayView(await replays.cancel(request.params.replay_id, request.principal)),
      }),
    );
  };
}

function filterOf({ kind, agentId, errorClass, since, until }: Static<typeof ReplayFilterBody>) {
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(since === undefined ? {} : { since: momentOf(since, '/filter/since') }),
    ...(until === undefined ? {} : { until: momentOf(until, '/filter/until') }),
  } satisfies ReplayFilter;
}
