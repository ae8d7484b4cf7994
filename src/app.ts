import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Socket } from 'node:net';
import type { Keyring } from './auth/keyring.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import type { Deliveries } from './deliveries/deliveries.ts';
import type { Replays } from './deliveries/replays.ts';
import type { Tracing } from './dispatcher/tracing.ts';
import type { PingWebhook } from './dispatcher/ping.ts';
import { errorEnvelope, errorCatalogue, type ErrorCode } from './errors.ts';
import type { Metrics } from './observability/metrics.ts';
import type { OpscoreHealth } from './observability/opscore-health.ts';
import type { Overview } from './overview/overview.ts';
import { auth } from './plugins/auth.ts';
import { draining } from './plugins/draining.ts';
import { errors } from './plugins/errors.ts';
import { jsonBody } from './plugins/json-body.ts';
import { limits } from './plugins/limits.ts';
import { openapi } from './plugins/openapi.ts';
import { RequestLog } from './plugins/request-log.ts';
import { serialization } from './plugins/serialization.ts';
import { validation } from './plugins/validation.ts';
import type { Deregistration } from './registry/deregistration.ts';
import type { Pausing } from './registry/pausing.ts';
import type { Registry } from './registry/registry.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { discoveryRoutes } from './routes/discovery.ts';
import { healthRoutes } from './routes/health.ts';
import { keyRoutes } from './routes/keys.ts';
import { metricRoutes } from './routes/metrics.ts';
import { operatingRoutes } from './routes/operating.ts';
import { overviewRoutes } from './routes/overview.ts';
import { registrationRoutes } from './routes/registration.ts';
import { replayRoutes } from './routes/replays.ts';
import { taskRoutes } from './routes/tasks.ts';
import { whoamiRoutes } from './routes/whoami.ts';
import type { Store } from './store/store.ts';
import type { Tasks } from './tasks/tasks.ts';

export interface AppDeps {
  readonly registry: Registry;
  readonly deregistration: Deregistration;
  readonly tasks: Tasks;
  readonly deliveries: Deliveries;
  readonly replays: Replays;
  readonly pausing: Pausing;
  readonly pingWebhook: PingWebhook;
  readonly overview: () => Promise<Overview>;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly opscoreHealth: OpscoreHealth;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly version: string;
  readonly keyring: Keyring;
  /** Limits and overlaps come from here. */
  readonly config: Pick<Config, 'bodyLimit' | 'rateLimit' | 'requestTimeout' | 'secretOverlap'>;
}

/** Headers have half the time of the whole request; how often both are checked bounds how late they end. */
const HEADERS_SHARE = 0.5;
const CHECK_SHARE = 0.05;

/** The HTTP side: plugins, routes, one error handler. It listens to nothing yet. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { config, keyring, metrics } = deps;
  const app = Fastify({
    loggerInstance: deps.log,
    logController: new RequestLog(metrics.answered),
    // A logger of its own for each request cost as much as the line that it writes; the lines name the request instead.
    childLoggerFactory: (logger) => logger,
    bodyLimit: config.bodyLimit,
    requestTimeout: config.requestTimeout,
    // Fastify's own answer while closing is not the envelope; plugins/draining.ts gives it.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const code = ROUTER_ERRORS[error.code] ?? 'internal_error';
      metrics.answeredWithError(code);
      void reply.status(errorCatalogue[code].status).send(errorEnvelope(code));
    },
    clientErrorHandler: (error, socket) => {
      const code = answerBrokenRequest(error, socket);
      if (code !== undefined) metrics.answeredWithError(code);
    },
    http: {
      headersTimeout: config.requestTimeout * HEADERS_SHARE,
      connectionsCheckingInterval: config.requestTimeout * CHECK_SHARE,
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.decorateRequest('joined', undefined);
  await app.register(errors, { onError: metrics.answeredWithError });
  await app.register(draining);
  await app.register(auth, { keyring });
  await app.register(limits, { keyring, rateLimit: config.rateLimit });
  await app.register(jsonBody);
  await app.register(validation);
  await app.register(serialization);
  await app.register(openapi, { version: deps.version });
  await app.register(
    healthRoutes({
      store: deps.store,
      opscore: deps.opscoreHealth,
      version: deps.version,
      startedAt: performance.now(),
    }),
  );
  await app.register(metricRoutes(metrics.registry));
  await app.register(registrationRoutes(deps.registry, deps.deregistration));
  await app.register(discoveryRoutes(deps.registry));
  await app.register(taskRoutes(deps.tasks, deps.tracing, deps.clock));
  await app.register(deliveryRoutes(deps.deliveries));
  await app.register(replayRoutes(deps.replays));
  await app.register(operatingRoutes(deps.pausing, deps.pingWebhook));
  await app.register(keyRoutes(keyring, config.secretOverlap));
  await app.register(whoamiRoutes);
  await app.register(
    overviewRoutes({ overview: deps.overview, keyring, log: deps.log, version: deps.version }),
  );
  await app.register(dashboardRoutes());
  return app;
}

/** What the router refuses before there is a route. No id of ours is longer than maxParamLength. */
const ROUTER_ERRORS: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'bad_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
};

/** What is no HTTP request does not reach a route; it gets the same envelope, unless nobody is there any more. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): ErrorCode | undefined {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const code = CLIENT_ERRORS[error.code ?? ''] ?? 'bad_request';
  const body = JSON.stringify(errorEnvelope(code));
  socket.end(
    `HTTP/1.1 ${errorCatalogue[code].status} ${code}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  return code;
}
