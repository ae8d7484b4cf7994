import type { Config } from '../config/config.ts';
import { passwordOf } from '../config/parse.ts';

/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

const REDACTED = '[redacted]';

/** A shorter one would take ordinary words with it, and tell by its gaps what it is. */
const MIN_LENGTH = 8;

/**
 * What the service makes itself has forms of its own: API keys, agent tokens, signing secrets (auth/token.ts,
 * webhook/sign.ts), the latter with the escapes that JSON and URLs have for base64.
 */
const GENERATED =
  /ag[kt]_[A-Za-z0-9_-]{43}_[0-9a-f]{8}|whsec_(?:[A-Za-z0-9+/]|\\\/|%2[BbFf]){24,}(?:=|%3[Dd]){0,2}/g;

/**
 * A receiver may answer with what it was sent, Ops-Core's key among it, and answers are stored and shown. The texts
 * are given as they are, as JSON writes them (with or without `\/`), and as URLs do.
 */
export function createRedactor(secrets: readonly string[]): Redact {
  const spellings = new Set(
    secrets
      .filter((secret) => secret.length >= MIN_LENGTH)
      .flatMap((secret) => {
        const json = JSON.stringify(secret).slice(1, -1);
        return [secret, json, json.replaceAll('/', '\\/'), encodeURIComponent(secret)];
      }),
  );
  // The longest first: one secret may begin with another.
  const sought = [...spellings].sort((a, b) => b.length - a.length);
  return (text) =>
    sought
      .reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text)
      .replace(GENERATED, REDACTED);
}

/** Every secret that the service was configured with. */
export function configuredSecrets(
  config: Pick<
    Config,
    'database' | 'webhook' | 'opscoreApi' | 'apiKeys' | 'encryptionKeys' | 'tracing'
  >,
): string[] {
  const { database, webhook, opscoreApi, apiKeys, encryptionKeys, tracing } = config;
  return [
    passwordOf(database),
    webhook?.secret,
    webhook?.previousSecret,
    opscoreApi?.key,
    // As a whole, and without the word before it, as in `Bearer ...`.
    ...Object.values(tracing?.headers ?? {}).flatMap((value) => [value, value.split(' ').at(-1)]),
    ...apiKeys.map(({ key }) => key),
    ...encryptionKeys.flatMap((key) => [key.toString('hex'), key.toString('base64')]),
  ].filter((secret) => secret !== undefined);
}
