import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Readable } from 'node:stream';
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { Keyring } from '../auth/keyring.ts';
import { mayUse, type Access } from '../auth/principal.ts';
import { ApiError } from '../errors.ts';
import { Feed } from '../overview/feed.ts';
import type { Overview } from '../overview/overview.ts';
import { OverviewView } from './overview-schemas.ts';
import { overviewView } from './overview-view.ts';
import { errorResponses, success } from './schemas.ts';

const READING: Access = { scopes: ['read'] };

const STREAMS_RETRY_SECONDS = 10;

export interface OverviewDeps {
  readonly overview: () => Promise<Overview>;
  readonly keyring: Keyring;
  readonly log: FastifyBaseLogger;
  readonly version: string;
}

/** How everything stands, once or as it changes. */
export function overviewRoutes({
  overview,
  keyring,
  log,
  version,
}: OverviewDeps): FastifyPluginAsyncTypebox {
  const view = async () => overviewView(await overview(), version);
  const feed = new Feed({ summary: async () => JSON.stringify(await view()), log });

  /** Whether whoever opened a stream may still have it. */
  async function stillAllowed({ headers }: FastifyRequest): Promise<boolean> {
    const token = headers.authorization?.replace(/^Bearer +/i, '');
    if (token === undefined) return keyring.isOpen();
    try {
      return keyring.isOpen() || mayUse(await keyring.authenticate(token), READING, undefined);
    } catch (error) {
      if (error instanceof ApiError) return false;
      throw error;
    }
  }

  return async (app) => {
    // Before the server waits for what is still being answered.
    app.addHook('preClose', async () => feed.close());

    app.get(
      '/v1/overview',
      {
        config: { access: READING },
        schema: {
          summary: 'How everything stands',
          description:
            'What arrives, what waits, what fails and why, at a cost that does not grow with what there is. What is counted ' +
            'is at most some seconds old.',
          tags: ['service'],
          response: { 200: success(OverviewView), ...errorResponses() },
        },
      },
      async () => ({ status: 'success' as const, message: 'The overview.', data: await view() }),
    );

    app.get(
      '/v1/events',
      {
        config: { access: READING },
        schema: {
          summary: 'The overview, every second',
          description:
            'Server-sent events: "overview" with the overview as JSON, or "trouble" with a message while it cannot be told.',
          tags: ['service'],
          response: {
            200: {
              description: 'A stream that does not end by itself.',
              content: {
                'text/event-stream': { schema: Type.Unsafe<string | Readable>(Type.String()) },
              },
            },
            ...errorResponses(429),
          },
        },
      },
      async (request, reply) => {
        void reply
          .type('text/event-stream; charset=utf-8')
          .header('cache-control', 'no-store')
          // For nginx, which would keep it until there is enough of it.
          .header('x-accel-buffering', 'no');
        // A stream that nobody reads would run for ever.
        if (request.method === 'HEAD') return reply.send('');
        const stream = feed.open(() => stillAllowed(request));
        if (stream === undefined) {
          throw new ApiError('too_many_streams', { retryAfterSeconds: STREAMS_RETRY_SECONDS });
        }
        return reply.send(stream);
      },
    );
  };
}
