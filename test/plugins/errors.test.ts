import Fastify from 'fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiError, errorCatalogue, errorEnvelope, type ErrorCode } from '../../src/errors.ts';
import { errors } from '../../src/plugins/errors.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { testLog } from '../helpers/log.ts';

const INSIDE = 'SELECT secret FROM agents at /srv/agentkit/src/store.ts:7 for 10.1.2.3';

/** An app with one route, which throws this. */
async function throwing(thrown: unknown) {
  const lines: string[] = [];
  const app = Fastify({ loggerInstance: testLog((line) => lines.push(JSON.stringify(line))) });
  onTestFinished(() => app.close());
  await app.register(errors);
  app.get('/', () => Promise.reject(thrown as Error));
  const ask = () => app.inject({ url: '/' });
  return { response: await ask(), log: lines.join(''), lines, ask };
}

const internal = errorEnvelope('internal_error');

describe('an error of the inside', () => {
  it.each([
    ['a bug', new TypeError(INSIDE)],
    ['an SQL error', Object.assign(new Error(INSIDE), { code: 'ERR_SQLITE_ERROR', errcode: 1 })],
    ['a system error', Object.assign(new Error(INSIDE), { code: 'ENOENT', path: '/srv' })],
    ['one that claims a status', Object.assign(new Error(INSIDE), { statusCode: 502 })],
    ['one of Fastify', Object.assign(new Error(INSIDE), { code: 'FST_ERR_X', statusCode: 500 })],
    ['text', INSIDE],
  ])('%s becomes internal_error, and nothing of it leaks', async (_what, thrown) => {
    const { response } = await throwing(thrown);
    expect(response.statusCode).toBe(500);
    expect(response.json()).toEqual(internal);
    expect(JSON.stringify(response.headers)).not.toContain('srv');
  });

  it('is in the log, whole', async () => {
    const { log } = await throwing(new TypeError(INSIDE));
    expect(log).toContain(INSIDE);
    expect(log).toContain('errors.test.ts');
  });

  it('that is the fault of the caller is no more than bad_request', async () => {
    const { response, log } = await throwing(
      Object.assign(new Error(INSIDE), { code: 'FST_ERR_X', statusCode: 418 }),
    );
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual(errorEnvelope('bad_request'));
    expect(log).not.toContain(INSIDE);
  });

  it('a store that cannot write is 503, and says when to come again', async () => {
    const { response } = await throwing(new StoreUnavailableError(INSIDE));
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    expect(response.json()).toEqual(errorEnvelope('store_unavailable'));
  });

  it('and is told once a second: a log of its own for each request would fill the disk', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const { ask, lines } = await throwing(new StoreUnavailableError('disk full'));
    for (let n = 0; n < 50; n += 1) await ask();
    const told = () =>
      lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === 'request failed');
    expect(told()).toHaveLength(1);
    now.mockReturnValue(1_000);
    await ask();
    expect(told().slice(1)).toMatchObject([{ alike: 50, err: { message: 'disk full' } }]);
  });
});

describe('an error of the catalogue', () => {
  it.each(['draining', 'overloaded'] as const)('%s is no failure to look into', async (code) => {
    const { log } = await throwing(new ApiError(code));
    expect(log).not.toContain('request failed');
  });

  it.each(Object.keys(errorCatalogue) as ErrorCode[])('%s has its status', async (code) => {
    const { response } = await throwing(new ApiError(code));
    expect(response.statusCode).toBe(errorCatalogue[code].status);
    expect(response.json()).toEqual({
      status: 'error',
      message: errorCatalogue[code].message,
      detail: errorCatalogue[code].message,
      error_code: code,
    });
  });

  it('may say more, name its places, and when to come again', async () => {
    const { response } = await throwing(
      new ApiError('validation_failed', {
        message: 'Two things.',
        errors: [{ path: '/a/0', message: 'Expected string' }],
        retryAfterSeconds: 7,
        cause: new Error(INSIDE),
      }),
    );
    expect(response.headers['retry-after']).toBe('7');
    expect(response.json()).toEqual({
      status: 'error',
      message: 'Two things.',
      detail: 'Two things.',
      error_code: 'validation_failed',
      errors: [{ path: '/a/0', message: 'Expected string' }],
    });
  });
});

describe('the catalogue', () => {
  it('has codes in snake case, a status of the contract, and a sentence each', () => {
    const statuses = [400, 401, 403, 404, 408, 409, 410, 412, 413, 415, 422, 429, 431, 500, 503];
    for (const [code, { status, message }] of Object.entries(errorCatalogue)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(statuses, code).toContain(status);
      expect(message, code).toMatch(/^[A-Z].*\.$/);
    }
  });
});
