import type { Clock } from '../clock.ts';
import { webhookRequest } from './targets.ts';
import { shownHeaders } from './headers.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { ErrorClass } from '../outbox/delivery.ts';
import type { Sender, SendResult } from '../outbox/sending.ts';
import type { PreviousSecret } from '../webhook/sign.ts';

interface Deps {
  /** undefined = not configured. */
  readonly webhook: { readonly url: string; readonly secret: string } | undefined;
  readonly previousSecret: PreviousSecret | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly sender: Sender;
}

/**
 * - `accepted`: 2xx
 * - `refused`: reached, and it does not take the body, as a strict receiver should not
 * - `unauthorized`: reached, and it does not take the signature
 * - `wrong_url`: something is there, but not the receiver
 * - `failing`: reached, and it fails; a webhook would be tried again
 * - `unreachable`: no answer
 */
export type PingOutcome =
  'accepted' | 'refused' | 'unauthorized' | 'wrong_url' | 'failing' | 'unreachable';

export interface Ping {
  readonly outcome: PingOutcome;
  /** Whether webhooks would most likely arrive. */
  readonly ok: boolean;
  readonly explanation: string;
  readonly result: SendResult;
  readonly errorClass: ErrorClass | null;
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** How far the receiver's clock is ahead, in whole seconds; null = it did not say. */
  readonly clockSkewSeconds: number | null;
}

const EXPLANATIONS: Readonly<Record<PingOutcome, string>> = {
  accepted: 'The receiver took it.',
  refused:
    'The receiver was reached and refused the body. A ping is no lifecycle event, so a strict receiver should: URL and secret are most likely right.',
  unauthorized:
    'The receiver does not take the signature: it has another OPSCORE_WEBHOOK_SECRET, or the clocks differ by more than it allows.',
  wrong_url: 'Something answers at OPSCORE_WEBHOOK_URL, but not the receiver: look at the URL.',
  failing:
    'The receiver was reached and fails by itself. Webhooks would wait for it and be tried again.',
  unreachable: 'Nothing answers at OPSCORE_WEBHOOK_URL; errorClass says how.',
};

/**
 * Tests the webhook configuration: one signed request to OPSCORE_WEBHOOK_URL, at once and beside all deliveries. Its body has
 * neither of the two keys of a lifecycle event (contract section 3), so nobody takes it for one.
 * @throws ApiError webhook_not_configured.
 */
export function createPing({ webhook, previousSecret, timeoutMs, clock, sender }: Deps) {
  return async (): Promise<Ping> => {
    if (webhook === undefined) throw new ApiError('webhook_not_configured');
    const id = newId();
    const at = clock.wall();
    const body = Buffer.from(
      JSON.stringify({
        ping: true,
        sentAt: new Date(at).toISOString(),
        message: 'A test of the webhook configuration. This is no lifecycle event.',
      }),
    );
    const request = webhookRequest(webhook, previousSecret, { id, body }, at);
    const result = await sender.send({ ...request, timeoutMs }, { readsTime: true });
    const outcome = outcomeOf(result.statusCode);
    return {
      outcome,
      ok: outcome === 'accepted' || outcome === 'refused',
      explanation: EXPLANATIONS[outcome],
      result,
      errorClass: outcome === 'accepted' ? null : (result.errorClass ?? 'http_status'),
      requestHeaders: shownHeaders({ kind: 'webhook', id }, { number: 1, startedAt: at }, null),
      clockSkewSeconds: skewOf(result),
    };
  };
}

export type PingWebhook = ReturnType<typeof createPing>;

const WRONG_URL = new Set([404, 405, 410]);
const FAILING = new Set([408, 425, 429]);

function outcomeOf(status: number | null): PingOutcome {
  if (status === null) return 'unreachable';
  if (status >= 200 && status < 300) return 'accepted';
  if (status === 401 || status === 403) return 'unauthorized';
  // Redirects are never followed.
  if (status < 400 || WRONG_URL.has(status)) return 'wrong_url';
  return status >= 500 || FAILING.has(status) ? 'failing' : 'refused';
}

/** A Date header has whole seconds, and was written about when the answer came. */
function skewOf({ receiverTime, startedAt, answeredMs }: SendResult): number | null {
  if (receiverTime === undefined) return null;
  const skew = receiverTime + 500 - (startedAt + (answeredMs ?? 0));
  return Math.trunc(skew / 1000);
}
