import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { anEncryptionKey, aSecret } from '../helpers/secrets.ts';
import type { Answer, CallOptions } from './helpers/http.ts';
import { spawnService } from './helpers/process.ts';
import { startReceiver, type Arrival } from './helpers/servers.ts';
import { anAgent, type RegisteredAgent } from './helpers/service.ts';
import { ended, run, task } from './helpers/tasks.ts';
import { rawFiles, tempDir } from './helpers/temp-dir.ts';

/** Everything that an answer can give back of a request. */
const echo = ({ url, headers, bytes }: Arrival): string =>
  JSON.stringify({ url, headers, body: bytes.toString() });

describe('secrets in every variable and every request', () => {
  it('are found in no log line, no answer to anybody else, and no file', async () => {
    const dir = tempDir();
    const configured = {
      webhook: aSecret('webhook'),
      previousWebhook: aSecret('previous'),
      opscoreApi: aSecret('opscore-api'),
      admin: aSecret('admin'),
      dispatch: aSecret('dispatch'),
      fleet: aSecret('fleet'),
      encryption: anEncryptionKey(),
    };
    const guessed = {
      wrongKey: aSecret('wrong-key'),
      password: aSecret('password'),
      query: aSecret('query'),
      cookie: aSecret('cookie'),
      basic: aSecret('basic'),
    };
    const handedOut: Record<string, string> = {};

    // Whoever is sent something answers with all of it, and with all that it knows besides.
    const opscore = await startReceiver((arrival) => ({
      status: arrival.url.includes('/state') ? 202 : 200,
      body: echo(arrival) + JSON.stringify([configured.webhook, configured.opscoreApi]),
    }));
    const agent = await startReceiver((arrival) => ({
      status: 400,
      body: echo(arrival) + JSON.stringify([configured.fleet, ...Object.values(handedOut)]),
    }));

    const service = spawnService(dir, {
      LOG_LEVEL: 'trace',
      DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
      OPSCORE_WEBHOOK_URL: opscore.url,
      OPSCORE_WEBHOOK_SECRET: configured.webhook,
      OPSCORE_WEBHOOK_SECRET_PREVIOUS: configured.previousWebhook,
      OPSCORE_API_URL: new URL(opscore.url).origin,
      OPSCORE_API_KEY: configured.opscoreApi,
      AGENTKIT_API_KEYS: `a:admin:${configured.admin},d:dispatch:${configured.dispatch},f:register:${configured.fleet}`,
      AGENTKIT_ENCRYPTION_KEY: configured.encryption,
    });
    await service.ready();

    const answers: Answer[] = [];
    const ask = async (method: string, path: string, options?: CallOptions): Promise<Answer> => {
      const answer = await service.call(method, path, options);
      answers.push(answer);
      return answer;
    };
    /** The one answer in which the caller is given a secret of its own. */
    const given = async (method: string, path: string, options: CallOptions): Promise<unknown> => {
      const answer = await service.call(method, path, options);
      expect(answer.status, answer.text).toBeLessThan(300);
      return answer.json.data;
    };

    const { admin, dispatch, fleet } = configured;
    const made = await given('POST', '/v1/keys', {
      token: admin,
      body: { name: 'made', scope: 'read' },
    });
    handedOut['key'] = (made as { key: string }).key;
    const remade = await given('POST', '/v1/keys/made/rotate', { token: admin, body: {} });
    handedOut['rotatedKey'] = (remade as { key: string }).key;
    const registered = (await given('POST', '/v1/agents', {
      token: fleet,
      body: anAgent({ agentName: 'echo', contactEndpoint: agent.url }),
    })) as RegisteredAgent;
    handedOut['agentToken'] = registered.agentToken;
    handedOut['signingSecret'] = registered.signingSecret;
    const path = `/v1/agents/${registered.agentId}`;
    const rotated = await given('POST', `${path}/signing-secret/rotate`, {
      token: registered.agentToken,
      body: {},
    });
    handedOut['rotatedSigningSecret'] = (rotated as { signingSecret: string }).signingSecret;

    // Refused requests that carry secrets in every place.
    const { wrongKey, password, query, cookie, basic } = guessed;
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      await ask(method, '/v1/agents', { token: wrongKey });
      await ask(method, `/v1/nowhere?key=${query}`, { token: wrongKey });
    }
    await ask('GET', `/v1/agents?limit=${query}&cursor=${query}`, { token: dispatch });
    await ask('GET', '/v1/agents', { headers: { cookie: `k=${cookie}` } });
    await ask('GET', '/v1/agents', { headers: { authorization: `Basic ${basic}` } });
    await ask('POST', '/v1/agents', { token: wrongKey, body: '{"broken' });
    await ask('POST', '/v1/agents', { token: fleet, body: `{"broken": ${password}` });
    await ask('POST', `${path}/run`, {
      token: dispatch,
      body: { task_name: 't' },
      headers: { 'idempotency-key': `${query} with a space` },
    });
    for (const contactEndpoint of [
      `http://user:${password}@127.0.0.1/`,
      `http://${password}@127.0.0.1/`,
      `http://[${password}`,
      `http://127.0.0.1/#${password}`,
    ]) {
      await ask('POST', '/v1/agents', { token: fleet, body: anAgent({ contactEndpoint }) });
    }

    // A task that the agent refuses with an echo, which Ops-Core is told of, and echoes as well.
    const taskId = await run(service, registered.agentId, dispatch);
    const view = await task(service, taskId, ended, dispatch);
    expect(view.attempts[0]?.responseExcerpt).toContain('[redacted]');
    for (const token of [admin, dispatch, registered.agentToken, handedOut['key']]) {
      await ask('GET', `/v1/tasks/${taskId}`, { token });
    }
    for (const token of [admin, dispatch, handedOut['rotatedKey'], registered.agentToken]) {
      for (const route of ['/v1/agents', path, `${path}/tasks`, '/v1/keys', '/openapi.json']) {
        await ask('GET', route, { token });
      }
    }
    await ask('POST', `${path}/heartbeat`, { token: registered.agentToken });
    // What Ops-Core answered is on disk, in the WAL of a service that is still running.
    await vi.waitFor(() => expect(rawFiles(dir)).toContain('"authorization":"Bearer [redacted]"'), {
      timeout: 10_000,
    });
    const whileRunning = rawFiles(dir);
    await ask('DELETE', path, { token: registered.agentToken });
    expect(await service.end('SIGTERM')).toBe(0);

    const secrets = { ...configured, ...guessed, ...handedOut };
    expect(Object.keys(secrets)).toHaveLength(17);
    const places = {
      stdout: service.stdout(),
      stderr: service.stderr(),
      answers: answers.map(({ text, headers }) => text + JSON.stringify([...headers])).join('\n'),
      whileRunning,
      afterwards: rawFiles(dir),
    };
    expect(places.stdout).toContain('"the service is ready"');
    expect(places.afterwards).toContain(taskId);
    for (const [place, text] of Object.entries(places)) {
      const found = Object.entries(secrets).filter(([, secret]) => text.includes(secret));
      expect([place, found]).toEqual([place, []]);
    }
  });

  it('are not shown by a start that refuses them', async () => {
    const secret = aSecret('refused');
    const bad: Record<string, string> = {
      AGENTKIT_API_KEYS: `name:nonsense:${secret}`,
      AGENTKIT_ENCRYPTION_KEY: secret,
      OPSCORE_WEBHOOK_SECRET: `whsec_${secret}`,
      OPSCORE_WEBHOOK_SECRET_PREVIOUS: `whsec_${secret}`,
      OPSCORE_API_KEY: `${secret}\u00e9`,
      OPSCORE_WEBHOOK_URL: `https://user:${secret}@core.test/`,
      OPSCORE_API_URL: `https://user:${secret}@core.test/`,
      DATABASE_URL: `mysql://user:${secret}@db.test/agentkit`,
    };
    for (const [name, value] of Object.entries(bad)) {
      const child = spawnService(tempDir(), { [name]: value });
      expect([name, await child.exited]).toEqual([name, 1]);
      expect(child.stderr()).toMatch(new RegExp(`^agentkit: ${name}: got .*, takes .*\\n$`));
      expect(child.stderr() + child.stdout()).not.toContain(secret);
    }
  });
});
