import { randomBytes } from 'node:crypto';
import { putThrough } from '../leaks/recording.ts';
import { SHORTEST } from '../leaks/search.ts';

// The secrets of tests are made here and nowhere else: random, so that they are found nowhere by chance, and sought at
// the end of the run in all that was logged, answered and stored (test/leaks). A report calls one by its `kind`.

/** A text; for a key, a token, or a webhook secret that is plain text. */
export function aSecret(kind: string): string {
  return made(kind, `sentinel-${kind.replace(/\W+/g, '-')}-${randomBytes(16).toString('hex')}`);
}

/** In the form of Standard Webhooks. */
export function aSigningSecret(kind = 'signingSecret'): string {
  return made(kind, `whsec_${randomBytes(24).toString('base64')}`);
}

/** For AGENTKIT_ENCRYPTION_KEY. */
export function anEncryptionKey(encoding: 'base64' | 'hex' = 'base64'): string {
  return made('AGENTKIT_ENCRYPTION_KEY', randomBytes(32).toString(encoding));
}

/** With which databases are sealed where the test does not say otherwise: one for each test file. */
export const ENCRYPTION_KEY = anEncryptionKey();

/**
 * One that a test needs as it is, and that is too short to be sought: it would be found everywhere.
 * @throws Error when it is long enough to be made like the others.
 */
export function aShortSecret(value: string): string {
  if (value.length >= SHORTEST) throw new Error('long enough to be random');
  return made('a short secret', value);
}

function made(kind: string, value: string): string {
  putThrough(kind, value);
  return value;
}
