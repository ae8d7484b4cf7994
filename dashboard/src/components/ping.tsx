import type { WebhookPing } from '../../../src/sdk/delivery-types.ts';
import { useState } from 'preact/hooks';
import { useAction } from '../acting.ts';
import { ask } from '../api.ts';
import { milliseconds } from '../words.ts';

/** Is it mended? Sends one signed request to Ops-Core's webhook, beside all deliveries. */
export function Ping() {
  const [answer, setAnswer] = useState<WebhookPing | null>(null);
  const { busy, run } = useAction();

  async function ping(): Promise<undefined> {
    setAnswer(null);
    setAnswer((await ask<WebhookPing>('POST', '/v1/webhook/ping')).data);
  }

  return (
    <div class="ping">
      <button type="button" disabled={busy} onClick={() => void run(ping)}>
        {busy ? 'Pinging …' : 'Ping the webhook'}
      </button>
      <div role="status">{answer !== null && <Answer ping={answer} />}</div>
    </div>
  );
}

function Answer({
  ping: { ok, explanation, durationMs, statusCode, clockSkewSeconds },
}: {
  ping: WebhookPing;
}) {
  return (
    <p class={ok ? 'good' : 'bad'}>
      <b>{ok ? 'It works.' : 'It does not work.'}</b> {explanation}{' '}
      <span class="quiet">
        ({statusCode === null ? 'no answer' : `status ${statusCode}`} after{' '}
        {milliseconds(durationMs)}
        {clockSkewSeconds !== null &&
          Math.abs(clockSkewSeconds) > 5 &&
          `; its clock is off by ${clockSkewSeconds} s`}
        )
      </span>
    </p>
  );
}
