import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import type { Keyring } from '../auth/keyring.ts';
import { mayUse, type Access, type Principal } from '../auth/principal.ts';
import { ApiError } from '../errors.ts';
import { errorResponses } from '../routes/schemas.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** It is answered however busy the service is. */
    neverShed?: true;
  }
  interface FastifyRequest {
    principal: Principal;
  }
}

/** Registered by a plugin that knows nothing of access: the browsable documentation. */
const DOCUMENTATION = /^\/docs(\/|$)/;

const ANONYMOUS: Principal = { kind: 'anonymous' };

/** Who asks, and whether the route is theirs. Every route says in `config.access` what it takes. */
export const auth = fp(
  (app: FastifyInstance, { keyring }: { keyring: Keyring }, done: () => void) => {
    app.decorateRequest('principal', null as never);

    app.addHook('onRoute', (route) => {
      if (DOCUMENTATION.test(route.url)) route.config = { ...route.config, access: 'public' };
      const access = route.config?.access;
      if (access === undefined) {
        throw new Error(`${String(route.method)} ${route.url} declares no access (config.access)`);
      }
      if (access !== 'public') document(route, access);
    });

    // With a callback, as all hooks of a request here: a promise for each costs more than what they do.
    app.addHook('onRequest', (request, _reply, next) => {
      const access = request.routeOptions.config.access;
      if (access === undefined || access === 'public' || keyring.isOpen()) {
        // The rate limit wants a name before it asks whether the route is limited at all.
        request.principal = ANONYMOUS;
        next();
        return;
      }
      authenticate(request, access).then(() => next(), next);
    });

    async function authenticate(request: FastifyRequest, access: Access): Promise<void> {
      request.principal = await keyring.authenticate(bearer(request));
      const { agent_id } = request.params as { agent_id?: string };
      if (!mayUse(request.principal, access, agent_id)) throw new ApiError('forbidden');
    }
    done();
  },
);

/** @throws ApiError unauthorized. */
function bearer(request: FastifyRequest): string {
  const token = /^Bearer +([\x21-\x7e]{1,1024})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) {
    throw new ApiError('unauthorized', {
      message: 'Send a key or an agent token as "Authorization: Bearer ...".',
    });
  }
  return token;
}

/** The OpenAPI document says what the hook does. */
function document(route: RouteOptions, access: Exclude<Access, 'public'>): void {
  const scopes = ['admin', ...access.scopes];
  route.schema = {
    ...route.schema,
    security: [{ bearer: [] }],
    response: {
      ...(route.schema?.response as object | undefined),
      ...errorResponses(401, 403, 429),
    },
  };
  Object.assign(route.schema, {
    'x-scopes': scopes,
    'x-agent-token': access.agentToken !== undefined,
  });
}
