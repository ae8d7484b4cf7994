import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { dashboardRoutes } from '../../src/routes/dashboard.ts';
import { errors } from '../../src/plugins/errors.ts';
import { tempDir } from '../helpers/temp-dir.ts';

async function served(folder: string) {
  const app = Fastify();
  await app.register(errors);
  await app.register(dashboardRoutes(folder));
  onTestFinished(() => app.close());
  return app;
}

function built(): string {
  const folder = tempDir();
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>AgentKit</title>');
  writeFileSync(join(folder, 'assets', 'index-abc.js'), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'nothing for anybody');
  return folder;
}

it('every place of the page is the same document, which may load nothing but its own', async () => {
  const app = await served(built());
  for (const url of ['/dashboard', '/dashboard/', '/dashboard/agents/01a2?x=1']) {
    const { statusCode, headers, body } = await app.inject({ url });
    expect([url, statusCode, headers['content-type']]).toEqual([
      url,
      200,
      'text/html; charset=utf-8',
    ]);
    expect(body).toContain('<title>AgentKit</title>');
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
      ]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
  }
});

it('its files are kept for ever, and nothing else is given out', async () => {
  const app = await served(built());
  const { statusCode, headers } = await app.inject({ url: '/dashboard/assets/index-abc.js' });
  expect(statusCode).toBe(200);
  expect(headers['content-type']).toBe('application/javascript; charset=utf-8');
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(headers['x-content-type-options']).toBe('nosniff');
  for (const name of ['gone.js', '..%2fsecret.txt', '..%2findex.html', '.env']) {
    const answer = await app.inject({ url: `/dashboard/assets/${name}` });
    expect(answer.body, name).not.toContain('nothing for anybody');
    expect([name, answer.statusCode]).toEqual([name, 404]);
  }
});

it('says how to build it where it is not built', async () => {
  const app = await served(tempDir());
  const { statusCode, body } = await app.inject({ url: '/dashboard/agents' });
  expect(statusCode).toBe(503);
  expect(body).toContain('npm run build:dashboard');
  expect((await app.inject({ url: '/dashboard/assets/index-abc.js' })).statusCode).toBe(404);
});
