import { expect } from 'vitest';
import type { Attempt, LeasedDelivery, NewDelivery } from '../../../src/outbox/delivery.ts';
import { errorWord } from '../../../src/outbox/outcome.ts';
import type {
  Agent,
  AgentFilter,
  ClaimRequest,
  ClaimResult,
  Completion,
  Lease,
  Store,
} from '../../../src/store/store.ts';
import { aDelivery, anAgent, anAttempt } from '../../helpers/records.ts';
import { claimAt, insertAgent, insertTask, removal, updateAgent } from '../../helpers/store.ts';

// What the stories of the contract are told with.

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it left behind, as a restart does. */
  reopen(this: void): Promise<Store>;
}

/** An empty store of the running test, which also closes it and clears it away when the test ends. */
export type OpenStore = () => Promise<StoreUnderTest>;

/** Where implementations may differ. */
export interface StoreOptions {
  /** It knows which workers are dead, and gives their leases back. */
  readonly recover: boolean;
}

/** Everything in the records happens at 1,000; claims look a second later unless they say otherwise. */
export const NOW = 2_000;
export const LEASE_MS = 20_000;

export async function registered(store: Store, changes: Partial<Agent> = {}): Promise<Agent> {
  const agent = anAgent(changes);
  expect(await insertAgent(store, agent)).toEqual(agent);
  return agent;
}

/** An agent that is half deregistered: one step of its backlog is done. */
export async function deregistering(store: Store): Promise<Agent> {
  const agent = await registered(store);
  await waiting(store, agent);
  await store.agents.remove(agent.agentId, removal(NOW, { limit: 1 }));
  return agent;
}

export async function waiting(
  store: Store,
  agent: Agent,
  changes: Parameters<typeof aDelivery>[1] = {},
  born?: Lease,
): Promise<NewDelivery> {
  const task = aDelivery(agent.agentId, changes);
  expect((await insertTask(store, task, { lease: born })).outcome).toBe('inserted');
  return task;
}

export function lease() {
  return { owner: 'worker', until: NOW + LEASE_MS };
}

export function claim(store: Store, request: Partial<ClaimRequest> = {}): Promise<ClaimResult> {
  return claimAt(store, request.now ?? NOW, request);
}

export async function claimIds(
  store: Store,
  request: Partial<ClaimRequest> = {},
): Promise<string[]> {
  return (await claim(store, request)).deliveries.map(({ id }) => id);
}

export async function claimNames(
  store: Store,
  request: Partial<ClaimRequest> = {},
): Promise<string[]> {
  return (await claim(store, request)).deliveries.map(({ name }) => name);
}

/** The only delivery that is due; there is one. */
export async function claimOne(
  store: Store,
  request: Partial<ClaimRequest> = {},
): Promise<LeasedDelivery> {
  const [held, ...more] = (await claim(store, request)).deliveries;
  expect(more).toEqual([]);
  if (held === undefined) throw new Error('nothing was claimed');
  return held;
}

export type Holding = Pick<LeasedDelivery, 'seq' | 'epoch' | 'lane'>;

function holdingOf(holding: Holding | undefined): Holding {
  if (holding === undefined) throw new Error('nothing was claimed');
  const { seq, epoch, lane } = holding;
  return { seq, epoch, lane };
}

export function asDelivered(holding: Holding | undefined) {
  return {
    ...holdingOf(holding),
    state: 'delivered',
    finishedAt: NOW,
    lastError: null,
  } as const satisfies Completion;
}

export function asRetry(holding: Holding | undefined, dueAt: number) {
  return {
    ...holdingOf(holding),
    state: 'scheduled',
    dueAt,
    lastError: null,
  } as const satisfies Completion;
}

/** Delivers everything that is due; the names in the order in which they went out. */
export async function drain(store: Store, now = NOW): Promise<string[]> {
  const sent: string[] = [];
  for (;;) {
    const { deliveries } = await claim(store, { now });
    if (deliveries.length === 0) return sent;
    for (const one of deliveries) {
      sent.push(one.name);
      await store.outbox.complete(asDelivered(one));
    }
  }
}

/** As it ends when its last attempt failed so. */
export function asDead(
  holding: (Holding & { readonly attemptCount: number }) | undefined,
  failure: Partial<Attempt> = {},
) {
  const attempt = anAttempt({
    number: (holding?.attemptCount ?? 0) + 1,
    outcome: 'failed',
    statusCode: 503,
    errorClass: 'http_status',
    ...failure,
  });
  return {
    ...asDelivered(holding),
    state: 'dead',
    attempt,
    lastError: errorWord(attempt),
  } as const satisfies Completion;
}

/** Ends everything that is due as a dead letter; their ids, in the order in which they were sent. */
export async function failAll(
  store: Store,
  failure: Partial<Attempt> = {},
  now = NOW,
): Promise<string[]> {
  const ended: string[] = [];
  for (;;) {
    const { deliveries } = await claim(store, { now });
    if (deliveries.length === 0) return ended;
    for (const one of deliveries) {
      ended.push(one.id);
      await store.outbox.complete({ ...asDead(one, failure), finishedAt: now });
    }
  }
}

/** Stores a webhook beside a change of its agent. */
export async function webhook(
  store: Store,
  agent: Agent,
  name: string,
  changes: Partial<NewDelivery> = {},
): Promise<NewDelivery> {
  const delivery = aDelivery(agent.agentId, { kind: 'webhook', name, ...changes } as never);
  await updateAgent(store, agent.agentId, { version: name }, { webhook: delivery });
  return delivery;
}

export async function stateOf(store: Store, { id }: { readonly id: string }) {
  return (await store.deliveries.get(id))?.record.state;
}

export async function tasksOf(store: Store, agent: Agent) {
  return (await store.tasks.listOfAgent(agent.agentId, { limit: 100, before: null })).items;
}

/** Follows a list from page to page; the cursor must lead to an end. */
export async function pagesOf<T>(
  page: (cursor: string | null) => Promise<{ items: readonly T[]; next: string | null }>,
): Promise<(readonly T[])[]> {
  const pages: (readonly T[])[] = [];
  let cursor: string | null = null;
  do {
    const { items, next } = await page(cursor);
    pages.push(items);
    cursor = next;
    if (pages.length > 100) throw new Error('the pages have no end');
  } while (cursor !== null);
  return pages;
}

export function plainBody<T extends { body: Uint8Array }>(record: T) {
  return { ...record, body: Buffer.from(record.body).toString() };
}

/** The names of the agents that a filter finds, sorted. */
export async function agentsFound(store: Store, filter: AgentFilter = {}): Promise<string[]> {
  const { items } = await store.agents.list(filter, { limit: 1_000, after: null });
  return items.map(({ agentName }) => agentName).sort();
}
