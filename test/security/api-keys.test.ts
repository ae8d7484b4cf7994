import { describe, expect, it } from 'vitest';
import { aSecret, aShortSecret } from '../helpers/secrets.ts';
import { HOUR, manualClock, SECOND, type ManualClock } from './helpers/clock.ts';
import { startService, type Environment, type Running } from './helpers/service.ts';
import { rawFiles, tempDir } from './helpers/temp-dir.ts';

const ADMIN = aSecret('AGENTKIT_API_KEYS');

interface KeyData {
  readonly name: string;
  readonly scope: string;
  readonly prefix: string;
  readonly source: string;
  readonly key?: string;
}

async function keyed(
  env: Environment = {},
  clock?: ManualClock,
): Promise<Running & { create(name: string, scope: string): Promise<string> }> {
  const service = await startService(
    { AGENTKIT_API_KEYS: `boss:admin:${ADMIN}`, ...env },
    clock === undefined ? {} : { clock },
  );
  return {
    ...service,
    create: async (name, scope) => {
      const answer = await service.call('POST', '/v1/keys', {
        token: ADMIN,
        body: { name, scope },
      });
      expect(answer.status, answer.text).toBe(201);
      return (answer.json.data as { key: string }).key;
    },
  };
}

async function list(service: Running): Promise<readonly KeyData[]> {
  const answer = await service.call('GET', '/v1/keys', { token: ADMIN });
  return answer.json.data as KeyData[];
}

/** What a key with the scope `read` gets on the route that such a key is for. */
async function reading(service: Running, token: string): Promise<number> {
  return (await service.call('GET', '/v1/agents', { token })).status;
}

describe('credentials that are not ours', () => {
  it('answers 401 to whatever stands in Authorization', async () => {
    const service = await keyed();
    const headers = [
      'Bearer x',
      'Bearer ',
      'Bearer',
      'x',
      '',
      `Basic ${Buffer.from(`boss:${ADMIN}`).toString('base64')}`,
      ADMIN,
      `Bearer ${ADMIN} `.trimEnd() + ' x',
      `Bearer ${ADMIN.slice(0, -1)}`,
      `Bearer ${ADMIN}x`,
      `Bearer ${ADMIN.toUpperCase()}`,
      `Bearer ${'k'.repeat(1_025)}`,
      `Bearer ${'\u00e9'.repeat(10)}`,
      'Bearer undefined',
      'Bearer null',
      'Bearer boss',
    ];
    for (const authorization of headers) {
      const answer = await service.call('GET', '/v1/agents', { headers: { authorization } });
      expect(answer.status, authorization).toBe(401);
      expect(answer.json.error_code).toBe('unauthorized');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect(await reading(service, ADMIN)).toBe(200);
  });

  it('takes the key from the header only', async () => {
    const service = await keyed();
    for (const query of [`?token=${ADMIN}`, `?access_token=${ADMIN}`, `?api_key=${ADMIN}`]) {
      expect((await service.call('GET', `/v1/agents${query}`)).status).toBe(401);
    }
    const cookie = await service.call('GET', '/v1/agents', { headers: { cookie: `key=${ADMIN}` } });
    expect(cookie.status).toBe(401);
  });

  it('tells a mistyped key from a wrong one', async () => {
    const service = await keyed();
    const key = await service.create('monitor', 'read');
    const swapped = key.slice(0, 10) + (key[10] === 'A' ? 'B' : 'A') + key.slice(11);
    for (const mistyped of [swapped, key.slice(0, -1), `${key}0`, 'agk_']) {
      const answer = await service.call('GET', '/v1/agents', { token: mistyped });
      expect(answer.status).toBe(401);
      expect(answer.json.message).toContain('mistyped');
    }
    await service.call('DELETE', '/v1/keys/monitor', { token: ADMIN });
    const revoked = await service.call('GET', '/v1/agents', { token: key });
    expect(revoked.json.message).toBe('The credential is not known, or no longer valid.');
    const foreign = await service.call('GET', '/v1/agents', { token: 'x' });
    expect(foreign.json.message).toBe('The credential is not known, or no longer valid.');
  });

  it('works with a key of one character, if the operator insists', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: `boss:admin:${aShortSecret('k')}` });
    expect(await reading(service, 'k')).toBe(200);
    expect(await reading(service, 'j')).toBe(401);
  });
});

describe('open mode', () => {
  it('allows everything, whatever credential is sent', async () => {
    const service = await startService();
    const agent = await service.register();
    expect(await reading(service, 'anything')).toBe(200);
    const answer = await service.call('DELETE', `/v1/agents/${agent.agentId}`);
    expect(answer.status).toBe(200);
  });

  it('is refused where others reach the service', async () => {
    await expect(startService({ HOST: '0.0.0.0' })).rejects.toThrow(
      /^HOST: got "0\.0\.0\.0" without any key/,
    );
    const loud = await startService({ HOST: '0.0.0.0', AGENTKIT_ALLOW_ANONYMOUS: 'true' });
    expect((await loud.call('GET', '/v1/agents')).status).toBe(200);
  });

  it('ends with the first key, which has to be an admin', async () => {
    const service = await startService();
    const agent = await service.register();
    const first = await service.call('POST', '/v1/keys', { body: { name: 'm', scope: 'read' } });
    expect([first.status, first.json.error_code]).toEqual([409, 'first_key_not_admin']);
    expect((await service.call('GET', '/v1/agents')).status).toBe(200);

    const admin = await service.call('POST', '/v1/keys', { body: { name: 'a', scope: 'admin' } });
    expect(admin.status).toBe(201);
    expect((await service.call('GET', '/v1/agents')).status).toBe(401);
    expect(await reading(service, (admin.json.data as { key: string }).key)).toBe(200);
    // Who registered in open mode is nobody's but its own.
    const own = await service.call('POST', `/v1/agents/${agent.agentId}/heartbeat`, {
      token: agent.agentToken,
    });
    expect(own.status).toBe(200);
  });
});

describe('a key made at run time', () => {
  it('is shown once and listed by its prefix only', async () => {
    const service = await keyed();
    const key = await service.create('monitor', 'read');
    expect(key).toMatch(/^agk_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$/);
    const answer = await service.call('GET', '/v1/keys', { token: ADMIN });
    expect(answer.text).not.toContain(key);
    expect(answer.text).not.toContain(ADMIN);
    expect(await list(service)).toEqual([
      expect.objectContaining({
        name: 'boss',
        source: 'environment',
        prefix: `${ADMIN.slice(0, 4)}…`,
      }),
      expect.objectContaining({ name: 'monitor', source: 'store', prefix: key.slice(0, 8) }),
    ]);
    expect(answer.text).not.toMatch(/"hash"|[0-9a-f]{64}/);
  });

  it('shows next to nothing of a short key of the environment', async () => {
    const service = await startService({ AGENTKIT_API_KEYS: `boss:admin:${aShortSecret('abc')}` });
    const answer = await service.call('GET', '/v1/keys', { token: 'abc' });
    expect((answer.json.data as KeyData[])[0]?.prefix).toBe('…');
  });

  it('is kept as SHA-256 alone, and so is an agent token', async () => {
    const service = await keyed();
    const secrets = [
      await service.create('monitor', 'read'),
      await service.create('f', 'register'),
    ];
    const agent = await service.register({}, secrets[1]);
    const rotated = await service.call('POST', '/v1/keys/monitor/rotate', {
      token: ADMIN,
      body: {},
    });
    secrets.push((rotated.json.data as { key: string }).key, agent.agentToken, ADMIN);
    const raw = rawFiles(service.dir);
    expect(raw).toContain('monitor');
    for (const secret of secrets) {
      expect(raw).not.toContain(secret);
      expect(raw).not.toContain(secret.slice(10));
    }
  });

  it('has its name once, also against the environment', async () => {
    const service = await keyed();
    await service.create('monitor', 'read');
    for (const name of ['monitor', 'boss']) {
      const answer = await service.call('POST', '/v1/keys', {
        token: ADMIN,
        body: { name, scope: 'read' },
      });
      expect([answer.status, answer.json.error_code]).toEqual([409, 'key_name_taken']);
    }
  });

  it('works on beside its successor until the overlap ends', async () => {
    const clock = manualClock();
    const service = await keyed({ SECRET_OVERLAP: '24h' }, clock);
    const old = await service.create('monitor', 'read');
    const rotated = await service.call('POST', '/v1/keys/monitor/rotate', {
      token: ADMIN,
      body: {},
    });
    const { key, previousUntil } = rotated.json.data as { key: string; previousUntil: string };
    expect(Date.parse(previousUntil)).toBe(clock.now() + 24 * HOUR);
    expect([await reading(service, old), await reading(service, key)]).toEqual([200, 200]);

    clock.advance(24 * HOUR - 1);
    expect([await reading(service, old), await reading(service, key)]).toEqual([200, 200]);

    // A key that was just seen is believed for a second.
    clock.advance(SECOND);
    expect([await reading(service, old), await reading(service, key)]).toEqual([401, 200]);
  });

  it('ends its predecessor at once when there is to be no overlap', async () => {
    const service = await keyed();
    const old = await service.create('monitor', 'read');
    expect(await reading(service, old)).toBe(200);
    const body = { overlapSeconds: 0 };
    await service.call('POST', '/v1/keys/monitor/rotate', { token: ADMIN, body });
    expect(await reading(service, old)).toBe(401);
  });

  it('is worth nothing once revoked, its predecessor included', async () => {
    const service = await keyed();
    const old = await service.create('monitor', 'read');
    const rotated = await service.call('POST', '/v1/keys/monitor/rotate', {
      token: ADMIN,
      body: {},
    });
    const { key } = rotated.json.data as { key: string };
    expect([await reading(service, old), await reading(service, key)]).toEqual([200, 200]);
    const answer = await service.call('DELETE', '/v1/keys/monitor', { token: ADMIN });
    expect(answer.status).toBe(200);
    expect([await reading(service, old), await reading(service, key)]).toEqual([401, 401]);
    const again = await service.call('DELETE', '/v1/keys/monitor', { token: ADMIN });
    expect([again.status, again.json.error_code]).toEqual([404, 'key_not_found']);
  });

  it('outlives a restart', async () => {
    const clock = manualClock();
    const dir = tempDir();
    const first = await startService({}, { dir, clock });
    const made = await first.call('POST', '/v1/keys', { body: { name: 'a', scope: 'admin' } });
    const { key } = made.json.data as { key: string };
    await first.stop();
    const second = await startService({}, { dir, clock });
    expect((await second.call('GET', '/v1/agents')).status).toBe(401);
    expect(await reading(second, key)).toBe(200);
  });
});

describe('a key of the environment', () => {
  it('is changed there and nowhere else', async () => {
    const service = await keyed();
    const calls = [
      await service.call('POST', '/v1/keys/boss/rotate', { token: ADMIN, body: {} }),
      await service.call('DELETE', '/v1/keys/boss', { token: ADMIN }),
    ];
    for (const answer of calls) {
      expect([answer.status, answer.json.error_code]).toEqual([409, 'key_from_environment']);
    }
    expect(await reading(service, ADMIN)).toBe(200);
  });

  it('may be there twice under one name while it is replaced', async () => {
    const old = aSecret('AGENTKIT_API_KEYS');
    const service = await startService({
      AGENTKIT_API_KEYS: `boss:admin:${ADMIN},boss:admin:${old}`,
    });
    expect([await reading(service, old), await reading(service, ADMIN)]).toEqual([200, 200]);
  });
});
