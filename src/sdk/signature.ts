import { createHmac, timingSafeEqual } from 'node:crypto';
import { readHeader, type HeaderSource } from './headers.ts';

export interface VerifySignatureOptions {
  /** The body exactly as it came: bytes, or text that was decoded from UTF-8 and nothing else. */
  readonly body: Uint8Array | string;
  readonly headers: HeaderSource;
  /** Several during a rotation: any one of them will do. */
  readonly secret: string | readonly string[];
  /** How far the timestamp may be from now, into the past or future. Default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** The clock, in epoch milliseconds. Default Date.now. */
  readonly now?: (() => number) | undefined;
}

export type SignatureFailure =
  | 'missing_signature'
  | 'no_secret'
  | 'body_not_raw'
  | 'bad_timestamp'
  | 'timestamp_out_of_tolerance'
  | 'signature_mismatch';

export type VerifySignatureResult =
  | {
      readonly ok: true;
      /** `webhook-id`: stable over retries, to be remembered against replays. Undefined when only the hex headers came: they sign no id. */
      readonly id: string | undefined;
      /** When it was signed, in epoch seconds. */
      readonly timestamp: number;
    }
  | { readonly ok: false; readonly reason: SignatureFailure };

const DEFAULT_TOLERANCE_SECONDS = 300;

/**
 * Verifies a lifecycle webhook or a dispatched task (contract sections 3 and 4). There are two sets of headers:
 *
 * - `X-AgentKit-Timestamp`, `X-AgentKit-Signature`: hex HMAC-SHA256 of `timestamp.body`;
 *   key: the secret's UTF-8 bytes
 * - `webhook-id`, `webhook-timestamp`, `webhook-signature` (Standard Webhooks 1.0): `v1,<base64>` of
 *   `id.timestamp.body`, several separated by spaces; key: what follows `whsec_`, base64-decoded, or else the
 *   secret's UTF-8 bytes
 *
 * The Standard Webhooks set decides alone as soon as one of its headers is there: it covers the id as well, and
 * during a rotation it is signed by the new secret and the old one, so that a receiver which knows either accepts. The
 * hex set is made with one of the two only, and counts only when no Standard header is there at all. Half a Standard
 * set is a failure, and so is an `X-AgentKit-Timestamp` that differs from `webhook-timestamp`.
 *
 * Who cuts off all Standard headers is left with a set that signs no id: a receiver that must not act twice insists
 * on `id`, as `createAgent` does.
 *
 * Never throws on hostile input. No secret, an empty one or an empty list fails.
 */
export function verifySignature(options: VerifySignatureOptions): VerifySignatureResult {
  const body = rawBytes(options.body);
  if (body === undefined) return refused('body_not_raw');
  const secrets = usableSecrets(options.secret);
  if (secrets.length === 0) return refused('no_secret');

  const header = (name: string): string | undefined => readHeader(options.headers, name);
  const hex = {
    timestamp: header('x-agentkit-timestamp'),
    signature: header('x-agentkit-signature'),
  };
  const standard = {
    id: header('webhook-id'),
    timestamp: header('webhook-timestamp'),
    signature: header('webhook-signature'),
  };
  const isStandard = Object.values(standard).some((value) => value !== undefined);
  const given = isStandard ? standard : hex;
  if (!isWhole(given)) return refused('missing_signature');

  const stamp = given.timestamp;
  // Canonical digits only: what other readers parse differently is nothing to agree on.
  if (!/^[1-9]\d{0,11}$/.test(stamp)) return refused('bad_timestamp');
  // Headers of two messages: the one that is not judged would be believed by another reader.
  if (hex.timestamp !== undefined && hex.timestamp !== stamp) return refused('bad_timestamp');
  const timestamp = Number(stamp);
  const now = (options.now ?? Date.now)() / 1000;
  const tolerance = options.toleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
  // Not `>`: a NaN on either side must refuse.
  if (!(Math.abs(now - timestamp) <= tolerance)) return refused('timestamp_out_of_tolerance');

  const verified = isStandard
    ? standardMatches(`${standard.id ?? ''}.${stamp}.`, body, given.signature, secrets)
    : hexMatches(`${stamp}.`, body, given.signature, secrets);
  return verified ? { ok: true, id: standard.id, timestamp } : refused('signature_mismatch');
}

function refused(reason: SignatureFailure): VerifySignatureResult {
  return { ok: false, reason };
}

function isWhole<T extends Readonly<Record<string, string | undefined>>>(
  set: T,
): set is T & Record<keyof T, string> {
  return Object.values(set).every((value) => value !== undefined && value !== '');
}

function hexMatches(
  prefix: string,
  body: Uint8Array,
  given: string,
  secrets: readonly string[],
): boolean {
  if (!/^[0-9a-f]{64}$/.test(given)) return false;
  return secrets.some((secret) =>
    timingSafeEqual(hmac(Buffer.from(secret, 'utf8'), prefix, body), Buffer.from(given, 'hex')),
  );
}

function standardMatches(
  prefix: string,
  body: Uint8Array,
  given: string,
  secrets: readonly string[],
): boolean {
  // Compared as text: base64 has spare bits at its end, so that altered text may decode to the same bytes.
  const candidates = given.split(' ').filter((part) => /^v1,[A-Za-z0-9+/]{43}=$/.test(part));
  return secrets.some((secret) => {
    const key = standardKey(secret);
    if (key.length === 0) return false;
    const expected = Buffer.from(`v1,${hmac(key, prefix, body).toString('base64')}`);
    return candidates.some((candidate) => timingSafeEqual(expected, Buffer.from(candidate)));
  });
}

function standardKey(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice(6), 'base64')
    : Buffer.from(secret, 'utf8');
}

function hmac(key: Buffer, prefix: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(prefix, 'utf8').update(body).digest();
}

function rawBytes(body: unknown): Uint8Array | undefined {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  return body instanceof Uint8Array ? body : undefined;
}

function usableSecrets(secret: unknown): string[] {
  const list: unknown[] = Array.isArray(secret) ? secret : [secret];
  return list.filter(
    (one) => typeof one === 'string' && one.trim() !== '' && one !== 'whsec_',
  ) as string[];
}
