import { laneOf } from '../../outbox/delivery.ts';
import { PAUSED_AT, toAgent } from '../agent-rows.ts';
import type { Agent, AgentChange } from '../store.ts';
import { countEvents, insertEvents, type NewEvent } from './agent-events.ts';
import { writeAgents, type AgentWrite } from './agent-writes.ts';
import type { AgentStoreDeps } from './agents.ts';
import { textArray } from './arrays.ts';
import { Batcher, type Outcome } from './batcher.ts';
import { sql, type Transaction } from './database.ts';
import { isTaken } from './errors.ts';
import { insertOrdered } from './insert-ordered.ts';
import { pauseLanes } from './lanes.ts';

// In one order, so that replicas that change the same agents wait for each other and never crosswise.
const select = sql(
  'agents_lock',
  `SELECT a.*, ${PAUSED_AT} FROM agents AS a
  WHERE a.agent_id = ANY($1::text[]) OR a.agent_name = ANY($2::text[])
  ORDER BY a.agent_id FOR NO KEY UPDATE OF a`,
);

type Ref = { readonly agentId: string } | { readonly agentName: string };

interface Job {
  readonly ref: Ref;
  readonly plan: (stored: Agent | undefined) => AgentChange<unknown>;
}

interface Changed {
  readonly agent: Agent | undefined;
  readonly result: unknown;
}

interface Planned {
  readonly index: number;
  readonly write: AgentWrite;
  readonly change: AgentChange<unknown>;
}

/** Changes of one transaction; a plan takes microseconds, the transaction some milliseconds. */
const MAX_CHANGES = 100;

/** A name that is taken between our look and our write: the plan looks again. */
const TRIES = 10;

export function createAgentChange(deps: AgentStoreDeps): Batcher<Job, Changed> {
  return new Batcher((jobs) => changeAll(deps, jobs), {
    maxJobs: MAX_CHANGES,
    keyOf: ({ ref }) => ('agentId' in ref ? `id ${ref.agentId}` : `name ${ref.agentName}`),
  });
}

async function changeAll(deps: AgentStoreDeps, jobs: readonly Job[]): Promise<Outcome<Changed>[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await deps.db.transaction((tx) => changeInside(deps, tx, jobs));
    } catch (error) {
      // In company each job then gets a transaction of its own (batcher.ts).
      if (jobs.length > 1 || tries === TRIES || !isTaken(error, 'agents_name')) throw error;
    }
  }
}

async function changeInside(
  deps: AgentStoreDeps,
  tx: Transaction,
  jobs: readonly Job[],
): Promise<Outcome<Changed>[]> {
  const stored = (
    await tx.query(select, [
      textArray(jobs.flatMap(({ ref }) => ('agentId' in ref ? [ref.agentId] : []))),
      textArray(jobs.flatMap(({ ref }) => ('agentName' in ref ? [ref.agentName] : []))),
    ])
  ).map((row) => toAgent(row, deps.box));
  const { outcomes, planned } = planAll(jobs, stored);
  if (planned.length === 0) return outcomes;
  const written = await writeAll(deps, tx, planned);
  for (const [position, { index, change }] of planned.entries()) {
    outcomes[index] = { value: { agent: written[position], result: change.result } };
  }
  return outcomes;
}

function planAll(jobs: readonly Job[], stored: readonly Agent[]) {
  const byId = new Map(stored.map((agent) => [agent.agentId, agent]));
  const byName = new Map(stored.map((agent) => [agent.agentName, agent]));
  const taken = new Set<string>();
  const planned: Planned[] = [];
  const outcomes = jobs.map(({ ref, plan }, index): Outcome<Changed> => {
    const before = 'agentId' in ref ? byId.get(ref.agentId) : byName.get(ref.agentName);
    // By its id and by its name: the second to ask has to see what the first made of it.
    if (before !== undefined && taken.has(before.agentId)) return { again: true };
    if (before !== undefined) taken.add(before.agentId);
    try {
      const change = plan(before);
      if (change.write === undefined) return { value: { agent: before, result: change.result } };
      const { write: after, token } = change;
      planned.push({ index, change, write: { before, after, token } });
      return { again: true };
    } catch (error) {
      // A plan that refuses has written nothing: its neighbours need not suffer for it.
      return { error };
    }
  });
  return { outcomes, planned };
}

async function writeAll(
  { cache, box, tell }: AgentStoreDeps,
  tx: Transaction,
  planned: readonly Planned[],
): Promise<Agent[]> {
  const events: NewEvent[] = [];
  const eventOf = planned.map(({ change, write: { after } }) =>
    change.event === undefined
      ? undefined
      : events.push({ type: change.event, at: after.updatedAt, agent: after }),
  );
  const holds = planned.flatMap(({ change: { holdUntil }, write: { after } }) =>
    holdUntil === undefined
      ? []
      : [{ lane: laneOf('task', after.agentId), until: holdUntil, now: after.lastSeenAt }],
  );
  const pauses = planned.flatMap(({ write: { before, after } }) =>
    after.pausedAt === (before?.pausedAt ?? null)
      ? []
      : [{ lane: laneOf('task', after.agentId), pausedAt: after.pausedAt, now: after.updatedAt }],
  );
  const webhooks = planned.flatMap(({ change: { webhook } }) => webhook ?? []);
  const [counted] = await tx.commit(
    Promise.all(countEvents(tx, events)),
    ...writeAgents(
      tx,
      planned.map(({ write }, index) => ({ ...write, event: eventOf[index] })),
      events.length,
      box,
    ),
    ...insertEvents(tx, events),
    ...pauseLanes(tx, pauses, holds),
    ...insertOrdered(tx, webhooks),
  );
  for (const { write } of planned) cache.forget(write.after.agentId);
  for (const { lane, until } of holds) if (until > 0) tell('release', lane);
  for (const { lane, pausedAt } of pauses) if (pausedAt !== null) tell('release', lane);
  const base = ((counted[0]?.[0]?.['last'] as number | undefined) ?? 0) - events.length;
  return planned.map(({ write: { after } }, index) => {
    const event = eventOf[index];
    return event === undefined ? after : { ...after, revision: base + event };
  });
}
