import type { Forward } from './receiver.ts';

/** As long as the service itself waits by default (WEBHOOK_TIMEOUT). */
const TIMEOUT_MS = 10_000;

/** Of one connection, and not of the message. */
const OF_CONNECTION = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
]);

/** Sends webhooks on to another URL, with the bytes and headers that came, so that they verify there. */
export function forwardTo(url: string): Forward {
  return async (headers, body) => {
    const passed = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || OF_CONNECTION.has(name)
        ? []
        : [[name, [value].flat().join(', ')] as [string, string]],
    );
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: passed,
        body: Buffer.from(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch {
      return undefined;
    }
  };
}
