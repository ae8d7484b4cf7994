import rateLimit from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Keyring } from '../auth/keyring.ts';
import { ApiError } from '../errors.ts';

/** An event loop that lags by this much on average serves nobody well; new work is sent away until it has caught up. */
const MAX_EVENT_LOOP_DELAY_MS = 1_000;
const OVERLOAD_RETRY_SECONDS = 2;

/** For so long after the start the measured delay is that of the start itself: modules, migrations, the first claims. */
const START_MS = 3_000;

export interface LimitsOptions {
  readonly keyring: Keyring;
  /** Requests a second with one key or token. */
  readonly rateLimit: number;
}

/** What keeps one caller, or all of them together, from drowning the service. Registered after authentication. */
export const limits = fp(async (app: FastifyInstance, options: LimitsOptions) => {
  let listeningSince = performance.now();
  app.addHook('onListen', async () => {
    listeningSince = performance.now();
  });
  await app.register(underPressure, {
    maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
    // The probes answer all the same: restarting what is busy makes it worse.
    pressureHandler: (request: FastifyRequest) => {
      const { neverShed } = request.routeOptions.config;
      if (neverShed === true || isPublic(request)) return;
      if (performance.now() - listeningSince < START_MS) return;
      throw new ApiError('overloaded', { retryAfterSeconds: OVERLOAD_RETRY_SECONDS });
    },
  });
  await app.register(rateLimit, {
    global: false,
    max: options.rateLimit,
    timeWindow: 1_000,
    keyGenerator: callerOf,
    errorResponseBuilder: () => new ApiError('rate_limited', { retryAfterSeconds: 1 }),
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    addHeaders: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
      'retry-after': false,
    },
  });
  const limit = app.rateLimit();
  app.addHook('onRequest', (request, reply, next) => {
    // Open mode has no callers to tell apart.
    if (isPublic(request) || options.keyring.isOpen()) next();
    else Promise.resolve(limit.call(app, request, reply)).then(() => next(), next);
  });
});

function isPublic(request: FastifyRequest): boolean {
  const { access } = request.routeOptions.config;
  return access === undefined || access === 'public';
}

function callerOf({ principal }: FastifyRequest): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'key':
      return `key:${principal.name}`;
    case 'agent':
      return `agent:${principal.agentId}`;
  }
}
