import type { Health } from '../../sdk/api-types.ts';
import type { AgentKitClient } from '../../sdk/client.ts';
import type { DeliverySummary } from '../../sdk/delivery-types.ts';
import type { AgentKitError } from '../../sdk/errors.ts';
import { CliError } from '../exit.ts';
import { gather, gatherFailing, type Gathered } from '../gather.ts';
import { faultsOf, type Fault } from './faults.ts';

/** How the service is, as far as can be told from its lists. */
export interface Overview {
  readonly service: {
    readonly url: string;
    readonly status: string;
    readonly version: string;
    readonly uptimeSeconds: number;
  };
  readonly agents: {
    readonly total: number;
    readonly paused: number;
    readonly byStatus: Readonly<Record<string, number>>;
  };
  /** Of each kind: what is scheduled, and since when the oldest of it waits (ISO 8601, UTC). */
  readonly waiting: readonly {
    readonly kind: string;
    readonly count: number;
    readonly oldestAt: string;
  }[];
  readonly faults: readonly Fault[];
  /** False: there is more than was looked at, so the counts are at the least so high. */
  readonly complete: boolean;
}

/** Asks for all of it at once; lists are read so far only that it takes seconds at the most. */
export async function overviewOf(client: AgentKitClient, url: string): Promise<Overview> {
  const [health, agents, scheduled, dead, failing] = await Promise.all([
    healthOf(client),
    agentsOf(client),
    gather(client, { state: 'scheduled' }),
    gather(client, { state: 'dead' }),
    gatherFailing(client),
  ]);
  const parts: readonly Gathered[] = [scheduled, dead, failing];
  const { status, version, uptimeSeconds } = health;
  return {
    service: { url, status, version, uptimeSeconds },
    agents,
    waiting: waitingOf(scheduled.items),
    faults: faultsOf([...dead.items, ...failing.items]),
    complete: parts.every(({ complete }) => complete),
  };
}

async function healthOf(client: AgentKitClient): Promise<Health> {
  return client.health().catch((error: unknown) => {
    const { statusCode } = error as AgentKitError;
    if (statusCode !== 503) throw error;
    throw new CliError('the service takes nothing now; why: agentkit doctor', undefined, {
      cause: error,
    });
  });
}

async function agentsOf(client: AgentKitClient): Promise<Overview['agents']> {
  const byStatus: Record<string, number> = {};
  let [total, paused] = [0, 0];
  for await (const { status, pausedAt } of client.iterateAgents()) {
    total += 1;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    if (pausedAt !== null) paused += 1;
  }
  return { total, paused, byStatus };
}

function waitingOf(scheduled: readonly DeliverySummary[]): Overview['waiting'] {
  const kinds = new Map<string, { kind: string; count: number; oldestAt: string }>();
  for (const { kind, createdAt } of scheduled) {
    const group = kinds.get(kind);
    if (group === undefined) kinds.set(kind, { kind, count: 1, oldestAt: createdAt });
    else {
      group.count += 1;
      if (createdAt < group.oldestAt) group.oldestAt = createdAt;
    }
  }
  return [...kinds.values()];
}
