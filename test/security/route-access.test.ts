import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import type { Keyring } from '../../src/auth/keyring.ts';
import { auth } from '../../src/plugins/auth.ts';

const app = () => Fastify();
let current: ReturnType<typeof app>;

afterEach(() => current.close());

async function withAuth() {
  current = app();
  await current.register(auth, { keyring: {} as Keyring });
  return current;
}

describe('a new route', () => {
  it('stops the start when it does not say who may use it', async () => {
    const server = await withAuth();
    expect(() => server.get('/v1/forgotten', async () => 'everything')).toThrow(
      'GET /v1/forgotten declares no access (config.access)',
    );
  });

  it('stops the start inside a plugin as well', async () => {
    const server = await withAuth();
    server.register(async (inner) => {
      inner.delete('/v1/forgotten/:id', async () => 'gone');
    });
    await expect(server.ready()).rejects.toThrow('DELETE /v1/forgotten/:id declares no access');
  });

  it('is not let through because it looks like documentation', async () => {
    const server = await withAuth();
    expect(() => server.get('/docsecret', async () => 'everything')).toThrow('declares no access');
  });
});
