import { expect, it } from 'vitest';
import { createOpscoreHealth } from '../../src/observability/opscore-health.ts';

const delivered = { outcome: 'delivered', errorClass: null } as const;
const failed = { outcome: 'retry', errorClass: 'http_status' } as const;

it('is unknown until something was sent, and not configured where nothing goes', () => {
  expect(createOpscoreHealth(true).state()).toBe('unknown');
  expect(createOpscoreHealth(false).state()).toBe('not_configured');
});

it('fails when several in a row do, and is well again with the first that is taken', () => {
  const health = createOpscoreHealth(true);
  health.note('webhook', delivered);
  health.note('webhook', failed);
  health.note('state_report', failed);
  expect(health.state()).toBe('ok');
  health.note('webhook', delivered);
  for (let i = 0; i < 3; i += 1) health.note('webhook', failed);
  expect(health.state()).toBe('failing');
  health.note('state_report', delivered);
  expect(health.state()).toBe('ok');
});

it('has nothing to do with agents, nor with our own shutdown', () => {
  const health = createOpscoreHealth(true);
  for (let i = 0; i < 9; i += 1) {
    health.note('task', failed);
    health.note('webhook', { outcome: 'retry', errorClass: 'interrupted' });
  }
  expect(health.state()).toBe('unknown');
});
