import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ApiError } from '../errors.ts';

/**
 * After close has begun, requests on connections that are still open are told so in the envelope
 * (Fastify's own answer has another shape), and the connection ends.
 */
export const draining = fp((app: FastifyInstance, _options: unknown, done: () => void) => {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', async (_request, reply) => {
    if (!closing) return;
    reply.header('connection', 'close');
    throw new ApiError('draining', { retryAfterSeconds: 5 });
  });
  done();
});
