import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Registry } from 'prom-client';
import { errorResponses } from './schemas.ts';

/** What Prometheus scrapes. docs/observability.md lists the metrics. */
export function metricRoutes(registry: Registry): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/metrics',
      {
        // Under load it is needed most.
        config: { access: { scopes: ['read'] }, neverShed: true },
        schema: {
          summary: 'Metrics in the text format of Prometheus',
          tags: ['service'],
          response: {
            200: { content: { 'text/plain': { schema: Type.String() } } },
            ...errorResponses(),
          },
        },
      },
      async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
    );
  };
}
