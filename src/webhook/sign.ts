import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/** A new signing secret: 256 random bits as Standard Webhooks writes them. */
export function newSigningSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * The signature headers of contract section 3, for a webhook and for a dispatched task alike.
 * @param id stable over retries: the receiver's key for de-duplication.
 * @param timestamp Unix epoch in whole seconds, fresh at every attempt.
 * @param body the exact bytes that are sent.
 */
export function signatureHeaders(
  secret: string,
  id: string,
  timestamp: number,
  body: Uint8Array,
): Record<string, string> {
  const stamp = String(timestamp);
  const hex = createHmac('sha256', secret).update(`${stamp}.`).update(body).digest('hex');
  const base64 = createHmac('sha256', standardKey(secret))
    .update(`${id}.${stamp}.`)
    .update(body)
    .digest('base64');
  return {
    'x-agentkit-timestamp': stamp,
    'x-agentkit-signature': hex,
    'webhook-id': id,
    'webhook-timestamp': stamp,
    'webhook-signature': `v1,${base64}`,
  };
}

/** Standard Webhooks: the base64-decoded rest after the prefix; otherwise the secret's UTF-8 bytes. */
function standardKey(secret: string): Buffer {
  return secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}
