import type { ReplayRecord } from '../../src/sdk/delivery-types.ts';
import { ask, query } from './api.ts';
import { kindWord, reason } from './words.ts';

/** `webhooks, answered with an error, accepted since …` */
export function filterWords(filter: ReplayRecord['filter']): string {
  const { kind, agentId, errorClass, since, until } = filter as Partial<Record<string, string>>;
  const words = [
    kind === undefined ? 'All dead letters' : `${kindWord(kind)}s`,
    errorClass === undefined ? undefined : reason(errorClass, null),
    agentId === undefined ? undefined : `of agent …${agentId.slice(-8)}`,
    since === undefined ? undefined : `accepted since ${new Date(since).toLocaleString()}`,
    until === undefined ? undefined : `accepted before ${new Date(until).toLocaleString()}`,
  ];
  return words.filter((word) => word !== undefined).join(', ');
}

export async function listReplays(cursor: string | undefined, signal: AbortSignal) {
  const page = await ask<ReplayRecord[]>('GET', query('/v1/replays', { limit: 50, cursor }), {
    signal,
  });
  return { items: page.data, next: page.next_cursor ?? null };
}

export async function getReplay(id: string, signal: AbortSignal): Promise<ReplayRecord> {
  const path = `/v1/replays/${encodeURIComponent(id)}`;
  return (await ask<ReplayRecord>('GET', path, { signal })).data;
}

export async function stopReplay(id: string): Promise<void> {
  await ask('POST', `/v1/replays/${encodeURIComponent(id)}/cancel`);
}
