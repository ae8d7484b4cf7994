import type { AgentRecord } from '../../src/sdk/api-types.ts';
import { ask, query, Refusal } from './api.ts';
import { createState } from './state.ts';

/** As the API shows it. */
export type Agent = AgentRecord & { readonly pausedAt: string | null };

export const AGENTS_PAGE = 50;

export async function listAgents(
  filter: { readonly name?: string; readonly status?: string },
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ items: readonly Agent[]; next: string | null }> {
  const path = query('/v1/agents', { ...filter, limit: AGENTS_PAGE, cursor });
  const page = await ask<Agent[]>('GET', path, { signal });
  for (const agent of page.data) known.set(agent.agentId, agent.agentName);
  return { items: page.data, next: page.next_cursor ?? null };
}

export async function getAgent(agentId: string, signal?: AbortSignal): Promise<Agent> {
  const path = `/v1/agents/${encodeURIComponent(agentId)}`;
  const { data } = await ask<Agent>('GET', path, signal === undefined ? {} : { signal });
  known.set(agentId, data.agentName);
  return data;
}

export async function pauseAgent(agentId: string): Promise<void> {
  await ask('POST', `/v1/agents/${encodeURIComponent(agentId)}/pause`);
}

export async function resumeAgent(agentId: string): Promise<void> {
  await ask('POST', `/v1/agents/${encodeURIComponent(agentId)}/resume`);
}

/** Names of agents by their ids, since deliveries tell ids only; null: the agent is gone. */
const known = new Map<string, string | null>();
const MOST_KNOWN = 5_000;
export const namesChanged = createState(0);

export const nameOf = (agentId: string): string | null | undefined => known.get(agentId);

const SIDE_BY_SIDE = 4;

/** Asks for the names that are not known yet. */
export async function learnNames(agentIds: readonly string[]): Promise<void> {
  const wanted = [...new Set(agentIds)].filter((id) => !known.has(id));
  if (wanted.length === 0) return;
  if (known.size > MOST_KNOWN) known.clear();
  const left = wanted.values();
  async function work(): Promise<void> {
    for (const id of left) {
      try {
        await getAgent(id);
      } catch (error) {
        // Otherwise it stays unknown, and is asked for with the next page.
        if (!(error instanceof Refusal) || error.status !== 404) return;
        known.set(id, null);
      }
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  namesChanged.set(namesChanged.get() + 1);
}
