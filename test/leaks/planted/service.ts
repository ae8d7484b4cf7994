import type { FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';
import { loadConfig } from '../../../src/config/config.ts';
import { createService } from '../../../src/service.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A service that tells its secrets, in its log, in answers and in its database: net.test.ts sees them found. */
export async function tellAll(env: Environment, log: FastifyBaseLogger): Promise<void> {
  const service = await createService(loadConfig(env), log);
  const { app } = service;
  let data = { agentToken: '' };
  const open = { config: { access: 'public' as const } };

  app.get('/planted/configured', open, async () => ({ key: env['OPSCORE_API_KEY'] }));
  app.get('/planted/handed-out', open, async () => ({ handedOut: data.agentToken }));
  // Past every hook, in two writes, with the cut in the middle of a secret.
  app.get('/planted/cut', open, (_request, reply) => {
    const secret = env['OPSCORE_WEBHOOK_SECRET'] ?? '';
    reply.hijack();
    reply.raw.write(secret.slice(0, -10));
    setImmediate(() => reply.raw.end(secret.slice(-10)));
  });
  await service.listen();

  const headers = { authorization: `Bearer ${env['ADMIN_KEY'] ?? ''}` };
  const register = () =>
    fetch(`${service.url()}/v1/agents`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        agentName: 'planted',
        version: '1',
        contactEndpoint: 'http://127.0.0.1:9/',
        metadata: { stored: env['OPSCORE_WEBHOOK_SECRET_PREVIOUS'] },
      }),
    });
  // On a busy machine a service that has just started may be overloaded.
  let registered = await register();
  while (registered.status === 503) registered = await register();
  data = ((await registered.json()) as { data: { agentToken: string } }).data;
  for (const path of ['configured', 'handed-out', 'cut']) {
    await (await fetch(`${service.url()}/planted/${path}`)).text();
  }
  log.info(headers, 'planted');
  await service.close();
}

if (process.argv[1] === import.meta.filename) await tellAll(process.env, pino());
