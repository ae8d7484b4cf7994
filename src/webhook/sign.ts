import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/** A new signing secret: 256 random bits as Standard Webhooks writes them. */
export function newSigningSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/** A secret that is being replaced: times in epoch milliseconds. */
export interface PreviousSecret {
  readonly secret: string;
  /** It signs as well until then. */
  readonly until: number;
  /** The hex header, which holds one signature, is made with it until then. */
  readonly hexUntil: number;
}

/** The secrets to sign with at one moment. */
export interface SigningSecrets {
  readonly hex: string;
  /** The newest first. */
  readonly standard: readonly string[];
}

/** Which secrets sign at `now`: after a rotation both do for a while, so that no receiver meets a gap. */
export function signingSecrets(
  current: string,
  previous: PreviousSecret | null,
  now: number,
): SigningSecrets {
  if (previous === null || now >= previous.until) return { hex: current, standard: [current] };
  return {
    hex: now < previous.hexUntil ? previous.secret : current,
    standard: [current, previous.secret],
  };
}

/**
 * The signature headers of contract section 3, for a webhook and for a dispatched task alike.
 * The Standard Webhooks header carries a signature by each secret, the hex header one.
 * @param id stable over retries: the receiver's key for de-duplication.
 * @param timestamp Unix epoch in whole seconds, fresh at every attempt.
 * @param body the exact bytes that are sent.
 */
export function signatureHeaders(
  secrets: SigningSecrets,
  id: string,
  timestamp: number,
  body: Uint8Array,
): Record<string, string> {
  const stamp = String(timestamp);
  const hex = createHmac('sha256', secrets.hex).update(`${stamp}.`).update(body).digest('hex');
  const standard = secrets.standard.map((secret) => {
    const hmac = createHmac('sha256', standardKey(secret)).update(`${id}.${stamp}.`).update(body);
    return `v1,${hmac.digest('base64')}`;
  });
  return {
    'x-agentkit-timestamp': stamp,
    'x-agentkit-signature': hex,
    'webhook-id': id,
    'webhook-timestamp': stamp,
    'webhook-signature': standard.join(' '),
  };
}

/** Standard Webhooks: the base64-decoded rest after the prefix; otherwise the secret's UTF-8 bytes. */
function standardKey(secret: string): Buffer {
  return secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}
