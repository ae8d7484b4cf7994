import { existsSync } from 'node:fs';
import { join } from 'node:path';
import staticFiles from '@fastify/static';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify';
import { ApiError } from '../errors.ts';

/** What `npm run build:dashboard` makes. */
const BUILT = join(import.meta.dirname, '../../dashboard/dist');

const NOT_BUILT =
  'The dashboard is not built. Build it with "npm run build:dashboard" (npm ci does so by itself), then start the service again.\n';

/**
 * The page may load its own files and talk to this service, and nothing else: no inline script or style, no frame around
 * it, no form that goes anywhere, no other origin.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/** A name and no path. */
const ASSET = /^[\w-]+(\.[\w-]+)+$/;

/** Their names change with their content. */
const FOREVER = 'public, max-age=31536000, immutable';

export function isDashboardBuilt(folder = BUILT): boolean {
  return existsSync(join(folder, 'index.html'));
}

/**
 * The operators' page. It is static and public: everything that it shows it asks of the API, with the key of whoever looks.
 * Each of its places is the same document, which reads the URL.
 */
export function dashboardRoutes(folder = BUILT): FastifyPluginAsync {
  const built = isDashboardBuilt(folder);
  const hidden = { config: { access: 'public' }, schema: { hide: true } } as const;

  function page(reply: FastifyReply): FastifyReply {
    void reply.headers(HEADERS).header('cache-control', 'no-cache');
    if (built) return reply.sendFile('index.html', { cacheControl: false });
    return reply.status(503).type('text/plain; charset=utf-8').send(NOT_BUILT);
  }

  return async (app: FastifyInstance) => {
    if (built) await app.register(staticFiles, { root: folder, serve: false });

    app.get('/dashboard', hidden, async (_request, reply) => page(reply));
    app.get('/dashboard/*', hidden, async (_request, reply) => page(reply));
    app.get<{ Params: { file: string } }>(
      '/dashboard/assets/:file',
      hidden,
      async ({ params }, reply) => {
        const there = ASSET.test(params.file) && existsSync(join(folder, 'assets', params.file));
        if (!there) throw new ApiError('not_found');
        void reply.headers(HEADERS).header('cache-control', FOREVER);
        return reply.sendFile(params.file, join(folder, 'assets'), { cacheControl: false });
      },
    );
  };
}
