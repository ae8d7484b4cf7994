import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { vi } from 'vitest';
import type { Arrival } from './servers.ts';

/** Whether the stock Standard Webhooks library takes it, at a moment of the test's clock. */
export function stockAccepts(arrival: Arrival, secret: string, at: number): boolean {
  // The library reads the base64 after whsec_; other secrets are text and go in as bytes.
  const webhook = secret.startsWith('whsec_')
    ? new Webhook(secret)
    : new Webhook(Buffer.from(secret), { format: 'raw' });
  const dateNow = vi.spyOn(Date, 'now').mockReturnValue(at);
  try {
    webhook.verify(arrival.bytes, arrival.headers as Record<string, string>);
    return true;
  } catch {
    return false;
  } finally {
    dateNow.mockRestore();
  }
}

/** Whether the plain hex signature of contract section 3 is by this secret, computed here from its definition. */
export function hexAccepts({ headers, bytes }: Arrival, secret: string): boolean {
  const hmac = createHmac('sha256', secret);
  hmac.update(`${String(headers['x-agentkit-timestamp'])}.`).update(bytes);
  return headers['x-agentkit-signature'] === hmac.digest('hex');
}
