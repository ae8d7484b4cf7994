import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { now } from '../clock.ts';
import type { Counts, Running } from '../contenders/contender.ts';
import type { LoadResult } from '../load/load.ts';
import type { Sink, SinkRecord, SinkSample } from '../sink/sink.ts';

/** The generator's count against the contender's own: what is in flight when the load ends is cut off, and no more. */
export function checkAccepted(
  name: string,
  { requests, failed }: LoadResult,
  accepted: number,
  connections: number,
): void {
  if (failed > 0) throw new Error(`${name}: ${String(failed)} requests failed`);
  // Those cut off at the end of the warm-up may count here too.
  if (accepted < requests || accepted > requests + 2 * connections) {
    throw new Error(`${name}: ${String(requests)} answered, ${String(accepted)} accepted`);
  }
}

const DRAIN_PATIENCE_MS = 600_000;
const POLL_MS = 10;

/**
 * Waits until everything accepted since `before` has arrived at the sink, which was empty then, and is recorded as
 * delivered. Asks the store only once the agent has it all: counting costs.
 * @returns when that was so, and how many they were.
 */
export async function drained(
  name: string,
  running: Running,
  sink: Sink,
  before: Counts,
): Promise<{ readonly at: number; readonly delivered: number }> {
  const giveUpAt = now() + DRAIN_PATIENCE_MS;
  // What a closed connection cut off may have been accepted a moment later.
  await sleep(POLL_MS);
  let expected = (await running.counts()).accepted - before.accepted;
  let arrived = 0;
  let completed = 0;
  while (now() < giveUpAt) {
    ({ arrived } = await sink.count());
    if (arrived >= expected) {
      const counts = await running.counts();
      const at = now();
      completed = counts.completed - before.completed;
      if (counts.accepted - before.accepted > expected) {
        expected = counts.accepted - before.accepted;
      } else if (completed >= expected) return { at, delivered: expected };
    }
    await sleep(POLL_MS);
  }
  throw new Error(
    `${name}: ${String(expected)} accepted, ${String(arrived)} arrived, ${String(completed)} recorded`,
  );
}

/** All arrived once, and the samples bear the right signatures. */
export function checkDelivered(
  name: string,
  record: SinkRecord,
  accepted: number,
  secrets: readonly string[],
): void {
  if (record.arrived !== accepted || record.distinct !== accepted) {
    throw new Error(
      `${name}: ${String(accepted)} accepted, ${String(record.arrived)} arrived, ${String(record.distinct)} distinct`,
    );
  }
  for (const sample of record.samples) {
    if (!secrets.some((secret) => isSigned(sample, secret))) {
      throw new Error(`${name}: a dispatch has a wrong signature: ${sample.head}`);
    }
  }
}

/** Between signing and arrival, at most. */
const FRESH_MS = 60_000;

/** The Standard Webhooks header by a stock library, the hex header by hand, and the timestamp by the clock. */
function isSigned({ head, body, at }: SinkSample, secret: string): boolean {
  const bytes = Buffer.from(body, 'base64');
  const headers = headersOf(head);
  const stamp = headers.get('x-agentkit-timestamp') ?? '';
  const hex = createHmac('sha256', secret).update(`${stamp}.`).update(bytes).digest('hex');
  if (hex !== headers.get('x-agentkit-signature')) return false;
  const signedAt = new Date(Number(stamp) * 1_000);
  if (Math.abs(at - signedAt.getTime()) > FRESH_MS) return false;
  const id = headers.get('webhook-id') ?? '';
  const standard = new Webhook(secret).sign(id, signedAt, bytes);
  return (
    headers.get('webhook-timestamp') === stamp &&
    (headers.get('webhook-signature') ?? '').split(' ').includes(standard)
  );
}

function headersOf(head: string): ReadonlyMap<string, string> {
  const lines = head.split('\r\n').slice(1);
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}
