import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Access } from '../auth/principal.ts';
import type { PingWebhook } from '../dispatcher/ping.ts';
import type { Pausing } from '../registry/pausing.ts';
import { PingView } from './delivery-schemas.ts';
import { pingView } from './delivery-views.ts';
import { AgentParams, AgentView, errorResponses, success } from './schemas.ts';
import { agentView } from './views.ts';

const ACTING: Access = { scopes: [] };

/** What operators do besides: hold an agent's tasks back, and try the way to Ops-Core. */
export function operatingRoutes(
  pausing: Pausing,
  pingWebhook: PingWebhook,
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/agents/:agent_id/pause',
      {
        config: { access: ACTING },
        schema: {
          summary: "Hold an agent's tasks back",
          description:
            'They are accepted and wait, until POST /v1/agents/{agent_id}/resume. Attempts that are under way run out.',
          tags: ['agents'],
          params: AgentParams,
          response: { 200: success(AgentView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Agent paused.',
        data: agentView(await pausing.pause(request.params.agent_id, request.principal)),
      }),
    );

    app.post(
      '/v1/agents/:agent_id/resume',
      {
        config: { access: ACTING },
        schema: {
          summary: "Let a paused agent's tasks go on",
          tags: ['agents'],
          params: AgentParams,
          response: { 200: success(AgentView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Agent resumed.',
        data: agentView(await pausing.resume(request.params.agent_id, request.principal)),
      }),
    );

    app.post(
      '/v1/webhook/ping',
      {
        config: { access: ACTING },
        schema: {
          summary: 'Try the way to OPSCORE_WEBHOOK_URL',
          description:
            'Sends one signed request at once, and answers what came back. Its body is no lifecycle event: a strict ' +
            'receiver refuses it with a 4xx, which is a good sign.',
          tags: ['deliveries'],
          response: { 200: success(PingView), ...errorResponses(409) },
        },
      },
      async () => {
        const ping = await pingWebhook();
        return { status: 'success' as const, message: ping.explanation, data: pingView(ping) };
      },
    );
  };
}
