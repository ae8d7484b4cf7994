import { describe, expect, it } from 'vitest';
import { isDashboardBuilt } from '../../src/routes/dashboard.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { aRegistration, aService } from '../helpers/service.ts';

it('GET / greets and links to what is there', async () => {
  const { call, service } = await aService();
  const { status, body } = await call('GET', '/');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: 'success',
    message: expect.stringContaining('Welcome') as string,
    data: { name: 'agentkit-service', version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string },
  });
  const { links } = body['data'] as { links: Record<string, string> };
  // The dashboard only where it is built.
  const { dashboard, ...others } = links;
  expect(dashboard).toBe(isDashboardBuilt() ? '/dashboard' : undefined);
  expect(Object.keys(others)).toEqual(['agents', 'health', 'documentation', 'openapi']);
  for (const url of Object.values(links)) {
    expect((await service.app.inject({ url })).statusCode, url).toBe(200);
  }
});

describe('a service that is well', () => {
  it('says so to every probe', async () => {
    const { call } = await aService();
    expect(await call('GET', '/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { store: 'ok', opscore: 'not_configured' }, uptimeSeconds: 0 },
    });
    expect(await call('GET', '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

it('probes that come together ask the store once: each check is a write', async () => {
  const { call, service } = await aService();
  let checks = 0;
  const { check } = service.store;
  Object.assign(service.store, {
    check: () => {
      checks += 1;
      return check();
    },
  });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => call('GET', i % 2 === 0 ? '/health' : '/readyz')),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(checks).toBe(1);
});

describe('a service whose store takes no writes', () => {
  it('is not well, and takes no work, but lives: restarting it would not help', async () => {
    const { call, service } = await aService();
    Object.assign(service.store, {
      check: () => Promise.reject(new StoreUnavailableError('SQLite cannot write')),
    });
    expect(await call('GET', '/health')).toMatchObject({
      status: 503,
      body: { status: 'unavailable', checks: { store: 'unavailable' } },
    });
    const ready = await call('GET', '/readyz');
    expect(ready).toMatchObject({ status: 503, body: { error_code: 'store_unavailable' } });
    expect(ready.headers['retry-after']).toBe('5');
    expect((await call('GET', '/livez')).status).toBe(200);
  });

  it('says that nothing was accepted, and nothing of the inside', async () => {
    const { call, service } = await aService();
    service.store.agents.change = () =>
      Promise.reject(new StoreUnavailableError('SQLite cannot write (/var/lib/agentkit.db)'));
    const { status, body, headers } = await call('POST', '/v1/agents', { body: aRegistration() });
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('5');
    expect(body['error_code']).toBe('store_unavailable');
    expect(JSON.stringify(body)).not.toMatch(/SQL|\/var/);
  });
});

describe('a service whose store does not answer', () => {
  it('is not ready after two seconds, and waits for the one answer that is due', async () => {
    const { call, service } = await aService();
    let checks = 0;
    let answer: () => void = () => undefined;
    const pending = new Promise<void>((resolve) => (answer = resolve));
    Object.assign(service.store, {
      check: () => {
        checks += 1;
        return pending;
      },
    });
    const askedAt = performance.now();
    const answers = await Promise.all([call('GET', '/readyz'), call('GET', '/health')]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    expect(performance.now() - askedAt).toBeLessThan(5_000);
    // From now on at once.
    for (let n = 0; n < 3; n += 1) expect((await call('GET', '/readyz')).status).toBe(503);
    expect(checks).toBe(1);
    answer();
    expect((await call('GET', '/readyz')).status).toBe(200);
  });
});
