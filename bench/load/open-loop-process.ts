// Requests on a timetable, in a process of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { answer } from '../answering.ts';
import { now } from '../clock.ts';
import { taskOf } from '../payload.ts';
import type { OpenLoad, OpenLoadResult } from './open-loop.ts';

const PLACEHOLDER = 123_456_789.5;

async function run({ url, path, bytes, perSecond, seconds }: OpenLoad): Promise<OpenLoadResult> {
  const dispatcher = new Agent({ connections: 256, pipelining: 1 });
  const [before = '', after = ''] = taskOf(bytes, { sentAt: PLACEHOLDER }).split(
    String(PLACEHOLDER),
  );
  const inFlight = new Set<Promise<void>>();
  let failed = 0;
  let latest = 0;

  async function send(): Promise<void> {
    const answered = await request(url + path, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json' },
      body: `${before}${now().toFixed(3)}${after}`,
    });
    await answered.body.dump();
    if (answered.statusCode !== 202) failed += 1;
  }

  const total = perSecond * seconds;
  const startedAt = now();
  for (let sent = 0; sent < total; sent += 1) {
    const dueAt = startedAt + (sent * 1_000) / perSecond;
    while (now() < dueAt) await sleep(1);
    latest = Math.max(latest, now() - dueAt);
    const sending = send().catch(() => {
      failed += 1;
    });
    inFlight.add(sending);
    void sending.finally(() => inFlight.delete(sending));
  }
  await Promise.all(inFlight);
  await dispatcher.close();
  return { sent: total, failed, latest };
}

answer({ run });
