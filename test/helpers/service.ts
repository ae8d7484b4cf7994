import { join } from 'node:path';
import type { LightMyRequestResponse } from 'fastify';
import { expect, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createService, type Service } from '../../src/service.ts';
import { serviceEnvironment, type Environment } from './environment.ts';
import { testLog } from './log.ts';
import { sharedTempDir } from './temp-dir.ts';

type Json = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: LightMyRequestResponse['headers'];
}

export interface Call {
  readonly body?: unknown;
  /** Takes the place of `body` where the very bytes matter. */
  readonly payload?: string | Buffer;
  readonly headers?: Record<string, string>;
}

/** The whole service on a database file of the running test, asked without a network; nothing is dispatched. */
export async function aService(env: Environment = {}) {
  const kit = await sharedService(env);
  onTestFinished(kit.dispose);
  return kit;
}

/** The same for several tests, which dispose of it themselves: starting it takes longer than most of them. */
export async function sharedService(env: Environment = {}) {
  const lines: Json[] = [];
  const log = testLog((line) => lines.push(line));
  const folder = sharedTempDir();
  const path = join(folder.path, 'agentkit.db');
  const config = loadConfig(
    serviceEnvironment({ DATABASE_URL: `sqlite:${path}`, PORT: '0', ...env }),
  );
  const service = await createService(config, log);
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= service.close());
  const dispose = async () => {
    await close();
    folder.remove();
  };
  await service.app.ready();

  async function call(method: string, url: string, request: Call = {}): Promise<Answer> {
    const payload =
      request.payload ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const response = await service.app.inject({
      method: method as 'GET',
      url,
      headers: {
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...request.headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    expectDocumented(service, method, url, response.statusCode);
    return {
      status: response.statusCode,
      body: response.json<Json>(),
      headers: response.headers,
    };
  }

  return { service, config, lines, close, dispose, call };
}

export function aRegistration(changes: Json = {}): Json {
  return {
    agentName: 'summarizer',
    version: '1.0.0',
    contactEndpoint: 'http://127.0.0.1:9000/tasks',
    ...changes,
  };
}

type Paths = Record<string, Record<string, { readonly responses: object } | undefined>>;

/** Every answer is one that the OpenAPI document tells of. */
function expectDocumented(service: Service, method: string, url: string, status: number): void {
  const path = url.split('?', 1)[0] ?? '';
  const paths = service.app.swagger().paths as unknown as Paths;
  // What is written out goes before what is a parameter, as in the router.
  const operations = Object.entries(paths)
    .filter(([template]) => new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path))
    .sort(([a], [b]) => Number(a.includes('{')) - Number(b.includes('{')))
    .map(([, item]) => item[method.toLowerCase()]);
  const responses = operations.find((operation) => operation !== undefined)?.responses;
  if (responses === undefined) return;
  expect(Object.keys(responses), `${method} ${path} documents ${status}`).toContain(String(status));
}
