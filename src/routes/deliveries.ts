import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Access } from '../auth/principal.ts';
import type { Deliveries } from '../deliveries/deliveries.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import {
  DeliveryKindSchema,
  DeliveryListItem,
  DeliveryParams,
  DeliveryView,
  ErrorClassSchema,
  Moment,
} from './delivery-schemas.ts';
import { deliveryListItem, deliveryView } from './delivery-views.ts';
import { momentOf } from './moment.ts';
import { DeliveryStateSchema, errorResponses, success, successPage } from './schemas.ts';

const DELIVERY_POSITION = /^\d{1,16}$/;

const READING: Access = { scopes: ['read'] };
const ACTING: Access = { scopes: [] };

/** What is not known is refused: a filter with a slip in it would show everything. */
const DeliveriesQuery = Type.Object(
  {
    kind: Type.Optional(DeliveryKindSchema),
    state: Type.Optional(DeliveryStateSchema),
    agent_id: Type.Optional(Type.String({ maxLength: 200 })),
    error_class: Type.Optional(ErrorClassSchema),
    since: Type.Optional(Moment),
    until: Type.Optional(Moment),
    id: Type.Optional(Type.String({ maxLength: 200, description: 'The deliveryId.' })),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
    cursor: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);

const RetryQuery = Type.Object(
  {
    force: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description: 'true: also one that was delivered.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Everything that the service sends, for operators. */
export function deliveryRoutes(deliveries: Deliveries): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/deliveries',
      {
        config: { access: READING },
        schema: {
          summary: 'List deliveries, the last accepted first',
          description:
            'Webhooks, tasks and state reports. A page may be short, or empty, although next_cursor leads on: the search ' +
            'goes on there.',
          tags: ['deliveries'],
          querystring: DeliveriesQuery,
          response: { 200: successPage(DeliveryListItem), ...errorResponses(422) },
        },
      },
      async (request) => {
        const { kind, state, agent_id, error_class, since, until, id, limit, cursor } =
          request.query;
        const filter = {
          kind,
          state,
          agentId: agent_id,
          errorClass: error_class,
          since: since === undefined ? undefined : momentOf(since, '/querystring/since'),
          until: until === undefined ? undefined : momentOf(until, '/querystring/until'),
        };
        const page =
          id === undefined
            ? await deliveries.list(filter, {
                limit,
                before: decodeCursor(cursor, DELIVERY_POSITION),
              })
            : await deliveries.find(id, filter);
        return {
          status: 'success' as const,
          message: `${page.items.length} deliveries.`,
          data: page.items.map(deliveryListItem),
          next_cursor: encodeCursor(page.next),
        };
      },
    );

    app.get(
      '/v1/deliveries/:delivery_id',
      {
        config: { access: READING },
        schema: {
          summary: 'Get a delivery with its attempts',
          tags: ['deliveries'],
          params: DeliveryParams,
          response: { 200: success(DeliveryView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Delivery found.',
        data: deliveryView(await deliveries.get(request.params.delivery_id)),
      }),
    );

    app.post(
      '/v1/deliveries/:delivery_id/retry',
      {
        config: { access: ACTING },
        schema: {
          summary: 'Send a delivery now',
          description:
            'One that waits is due now; a dead letter or a cancelled one is scheduled again, under its id. Either has its ' +
            'whole retry schedule before it. No body is needed.',
          tags: ['deliveries'],
          params: DeliveryParams,
          querystring: RetryQuery,
          response: { 200: success(DeliveryView), ...errorResponses(404, 409, 422) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Delivery scheduled.',
        data: deliveryView(
          await deliveries.retry(
            request.params.delivery_id,
            request.query.force === 'true',
            request.principal,
          ),
        ),
      }),
    );

    app.post(
      '/v1/deliveries/:delivery_id/cancel',
      {
        config: { access: ACTING },
        schema: {
          summary: 'Cancel a delivery',
          description: 'It is not sent any more. No body is needed.',
          tags: ['deliveries'],
          params: DeliveryParams,
          response: { 200: success(DeliveryView), ...errorResponses(404, 409) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Delivery cancelled.',
        data: deliveryView(await deliveries.cancel(request.params.delivery_id, request.principal)),
      }),
    );
  };
}
