import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { OpscoreHealth } from '../observability/opscore-health.ts';
import { StoreUnavailableError, type Store } from '../store/store.ts';
import { isDashboardBuilt } from './dashboard.ts';
import { ErrorEnvelope, errorResponses, success } from './schemas.ts';

export interface HealthDeps {
  readonly store: Store;
  readonly opscore: OpscoreHealth;
  readonly version: string;
  readonly startedAt: number;
}

const Checks = Type.Object({
  store: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
  opscore: Type.Union(
    [
      Type.Literal('ok'),
      Type.Literal('failing'),
      Type.Literal('unknown'),
      Type.Literal('not_configured'),
    ],
    { description: 'How Ops-Core took the last webhooks and state reports of this process.' },
  ),
});

const Health = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('unavailable')], {
    description: 'degraded: Ops-Core takes nothing. What is meant for it waits on disk.',
  }),
  version: Type.String(),
  uptimeSeconds: Type.Integer(),
  checks: Checks,
});

const Ready = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  checks: Checks,
});

/** One check serves all who ask within so long. */
const CHECK_MS = 1_000;

/** A store that takes longer to write is not well, and whoever asks does not wait for it: probes have limits of their own. */
const PATIENCE_MS = 2_000;

interface Check {
  readonly at: number;
  readonly result: Promise<void>;
  ended: boolean;
}

/**
 * `GET /` and the probes. Ops-Core being away is no reason to send nobody here, nor to restart this service: it is not
 * asked, and that it takes nothing is told as `degraded`.
 */
export function healthRoutes({
  store,
  opscore,
  version,
  startedAt,
}: HealthDeps): FastifyPluginAsyncTypebox {
  let checked: Check | undefined;

  /** The probes are public, and each check is a write: there is one at a time, and one a second. */
  async function checkStore(): Promise<void> {
    const now = performance.now();
    if (checked === undefined || (checked.ended && now - checked.at >= CHECK_MS)) {
      checked = beginCheck(now);
    }
    const left = Math.max(0, checked.at + PATIENCE_MS - now);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new StoreUnavailableError(`the store took no write within ${PATIENCE_MS} ms`));
      }, left);
    });
    await Promise.race([checked.result, patience]).finally(() => clearTimeout(timer));
  }

  function beginCheck(at: number): Check {
    const result = store.check();
    const check: Check = { at, result, ended: false };
    const end = () => {
      check.ended = true;
    };
    result.then(end, end);
    return check;
  }

  async function storeStatus(): Promise<'ok' | 'unavailable'> {
    return checkStore().then(
      () => 'ok' as const,
      () => 'unavailable' as const,
    );
  }

  function wellness(): 'ok' | 'degraded' {
    return opscore.state() === 'failing' ? 'degraded' : 'ok';
  }

  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'public' },
        schema: {
          summary: 'What is here',
          tags: ['service'],
          response: {
            200: success(
              Type.Object({
                name: Type.String(),
                version: Type.String(),
                links: Type.Record(Type.String(), Type.String()),
              }),
            ),
            ...errorResponses(),
          },
        },
      },
      async () => ({
        status: 'success' as const,
        message: 'Welcome to the AgentKit service.',
        data: {
          name: 'agentkit-service',
          version,
          links: {
            agents: '/v1/agents',
            health: '/health',
            ...(isDashboardBuilt() ? { dashboard: '/dashboard' } : {}),
            documentation: '/docs',
            openapi: '/openapi.json',
          },
        },
      }),
    );

    app.get(
      '/health',
      {
        config: { access: 'public' },
        schema: {
          summary: 'Is the service well',
          tags: ['service'],
          // 503 is the draining service's, too, in its own shape.
          response: { 200: Health, ...errorResponses(), 503: Type.Union([Health, ErrorEnvelope]) },
        },
      },
      async (_request, reply) => {
        const check = await storeStatus();
        return reply.status(check === 'ok' ? 200 : 503).send({
          status: check === 'ok' ? wellness() : check,
          version,
          uptimeSeconds: Math.floor((performance.now() - startedAt) / 1000),
          checks: { store: check, opscore: opscore.state() },
        });
      },
    );

    app.get(
      '/livez',
      {
        config: { access: 'public' },
        schema: {
          summary: 'Does the process answer',
          tags: ['service'],
          response: { 200: Type.Object({ status: Type.Literal('ok') }), ...errorResponses() },
        },
      },
      async () => ({ status: 'ok' as const }),
    );

    app.get(
      '/readyz',
      {
        config: { access: 'public' },
        schema: {
          summary: 'Does the service take work',
          tags: ['service'],
          response: { 200: Ready, ...errorResponses() },
        },
      },
      async () => {
        await checkStore();
        return {
          status: wellness(),
          checks: { store: 'ok' as const, opscore: opscore.state() },
        };
      },
    );
  };
}
