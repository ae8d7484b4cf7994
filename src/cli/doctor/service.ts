import { createServer } from 'node:net';
import type { Config } from '../../config/config.ts';
import { AgentKitClient } from '../../sdk/client.ts';
import type { AgentKitError } from '../../sdk/errors.ts';
import { isObject } from '../../sdk/wire.ts';
import { explain, type Whereabouts } from '../connection.ts';
import { fail, ok, skip, warn, type Finding } from './finding.ts';

export interface ServiceChecked {
  /** Undefined: it does not run. */
  readonly client: AgentKitClient | undefined;
  readonly findings: readonly Finding[];
}

/** Whether the service runs, is well, and knows our key; or whether it could. */
export async function checkService(
  where: Whereabouts,
  version: string,
  config: Config | undefined,
  isDatabaseInUse: boolean,
): Promise<ServiceChecked> {
  const client = new AgentKitClient({ baseUrl: where.url, apiKey: where.apiKey });
  try {
    const health = await client.health();
    const runs = `the service runs at ${where.url}, version ${health.version}`;
    const finding =
      health.version === version || config === undefined
        ? ok('service', runs)
        : warn('service', `${runs}, and this is ${version}`, 'restart it, if it was updated');
    return { client, findings: [finding, await checkKey(client)] };
  } catch (error) {
    const { code, statusCode, body } = error as AgentKitError;
    if (code === 'network_error')
      return { client: undefined, findings: [await absent(where, config, isDatabaseInUse)] };
    if (statusCode === 503 && isObject(body)) {
      const found = `the service at ${where.url} takes nothing: ${isObject(body['checks']) ? 'its database takes no write' : String(body['message'])}`;
      const todo = 'its log says why: a full disk, a database that is away, a shutdown';
      return { client, findings: [fail('service', found, todo)] };
    }
    const found =
      code === 'timeout'
        ? `at ${where.url} somebody listens who does not answer`
        : `at ${where.url} something else answers than the service`;
    const todo =
      config === undefined
        ? 'put AGENTKIT_URL right'
        : 'end what is there, or give the service another PORT';
    return { client: undefined, findings: [fail('service', `${found}: the port is taken`, todo)] };
  }
}

async function checkKey(client: AgentKitClient): Promise<Finding> {
  try {
    const { kind, name, scope, agentId } = await client.whoami();
    if (kind === 'anonymous') return ok('key', 'it asks for none');
    const whose = kind === 'key' ? `${name} (${scope})` : `agent ${agentId}`;
    return ok('key', `it knows the key of ${whose}`);
  } catch (error) {
    const { code } = error as AgentKitError;
    if (code !== 'unauthorized') throw error;
    return fail(
      'key',
      explain(error as AgentKitError),
      'set AGENTKIT_API_KEY to a key that it knows',
    );
  }
}

/** Nobody is there: could it start there? */
async function absent(
  where: Whereabouts,
  config: Config | undefined,
  isDatabaseInUse: boolean,
): Promise<Finding> {
  if (config === undefined) {
    return fail('service', `nobody answers at ${where.url}`, 'start it, or put AGENTKIT_URL right');
  }
  const { host, port } = config;
  const code = await whyNotListen(host, port);
  if (code === undefined && isDatabaseInUse) {
    return warn(
      'service',
      `something works on the database, and nobody answers at ${where.url}`,
      'say where the service is by AGENTKIT_URL; one that starts or shuts down needs some seconds',
    );
  }
  if (code === undefined) return skip('service', `it does not run; ${host}:${port} is free for it`);
  const reasons: Readonly<Record<string, readonly [string, string]>> = {
    EADDRINUSE: ['the port is taken by something else', 'end that, or set another PORT'],
    EADDRNOTAVAIL: ['HOST is no address of this machine', 'put HOST right'],
    ENOTFOUND: ['HOST is no name that is known here', 'put HOST right'],
    EACCES: ['only root may listen on this PORT', 'set a PORT above 1023'],
  };
  const [found, todo] = reasons[code] ?? [code, 'put HOST and PORT right'];
  return fail('service', `it cannot listen on ${host}:${port}: ${found}`, todo);
}

/** Listens for a moment. @returns the error's code; undefined when it could. */
function whyNotListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
