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
  app.addHook('onRequest', (_request, reply, next) => {
    if (!closing) {
      next();
      return;
    }
    reply.header('connection', 'close');
    next(new ApiError('draining', { retryAfterSeconds: 5 }));
  });
  // Close ends the connections that are idle at that moment. One whose request is still being answered would stay
  // open for its client's next one, and the drain would wait for that instead of for the attempts in flight.
  app.addHook('onSend', (_request, reply, payload, next) => {
    if (closing) reply.header('connection', 'close');
    next(null, payload);
  });
  done();
});
