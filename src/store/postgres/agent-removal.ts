import { laneOf, type NewDelivery } from '../../outbox/delivery.ts';
import { PAUSED_AT, tagsOf, toAgent } from '../agent-rows.ts';
import type { Agent, AgentStore, StoredTask } from '../store.ts';
import { countEvents, insertEvents } from './agent-events.ts';
import type { AgentStoreDeps } from './agents.ts';
import { bigintArray, textArray } from './arrays.ts';
import { sql, type Row, type Transaction } from './database.ts';
import { insertEntered } from './insert-ordered.ts';
import { enterLanes, pauseLanes, type LaneHold } from './lanes.ts';

type RemovalPlan = Parameters<AgentStore['remove']>[1];

// FOR UPDATE, where changes take FOR NO KEY UPDATE: it waits for every task that is just being stored for the agent.
const selectAgent = sql(
  'removal_agent',
  `SELECT a.*, ${PAUSED_AT} FROM agents AS a WHERE a.agent_id = $1 FOR UPDATE OF a`,
);

// A lease that has run out is nobody's: its holder starts no attempt any more.
const selectWaiting = sql(
  'removal_waiting',
  `SELECT s.seq, s.due_at, s.lease_owner, d.id, d.attempt_count, d.last_error, p.body
  FROM schedule s JOIN deliveries d ON d.seq = s.seq JOIN payloads p ON p.seq = s.seq
  WHERE s.lane = $1 AND NOT s.ordered AND (s.due_at, s.seq) > ($2::bigint, $3::bigint)
    AND (s.lease_owner IS NULL OR s.lease_owner = $4 OR s.due_at <= $5)
  ORDER BY s.due_at, s.seq LIMIT $6 FOR UPDATE OF s`,
);

const endTasks = sql(
  'removal_end_tasks',
  `WITH ended AS (DELETE FROM schedule WHERE seq = ANY($1::bigint[]) RETURNING seq, epoch)
  UPDATE deliveries d SET state = $2, finished_at = $3, last_error = $4, cancelled_epoch = e.epoch
  FROM ended e WHERE d.seq = e.seq`,
);

const markDeregistering = sql(
  'removal_mark',
  `UPDATE agents SET status = 'deregistering', updated_at = $2, revision = (SELECT last FROM event_counter)
  WHERE agent_id = $1`,
);

const deleteAgent = sql(
  'removal_agent_gone',
  `WITH tags AS (DELETE FROM agent_tags t USING unnest($2::text[]) AS u (tag) WHERE t.tag = u.tag AND t.agent_id = $1)
  DELETE FROM agents WHERE agent_id = $1`,
);

const listDeregistering = sql(
  'removal_list',
  "SELECT agent_id FROM agents WHERE status = 'deregistering' ORDER BY agent_id",
);

/** How an agent goes: its waiting tasks end first, in steps. */
export function createAgentRemoval(
  deps: AgentStoreDeps,
): Pick<AgentStore, 'remove' | 'listDeregistering'> {
  return {
    remove: async (agentId, plan) => {
      const removed = await deps.db.transaction((tx) => removeInside(deps, tx, agentId, plan));
      deps.cache.forget(agentId);
      // What other replicas hold of its tasks is to end as well: they give it back, and it is found to have no agent.
      if (removed !== undefined) deps.tell('release', laneOf('task', agentId));
      return removed;
    },
    listDeregistering: async () =>
      (await deps.db.read(listDeregistering)).map((row) => row['agent_id'] as string),
  };
}

async function removeInside(
  { box, depths }: AgentStoreDeps,
  tx: Transaction,
  agentId: string,
  plan: RemovalPlan,
): Promise<{ readonly agent: Agent; readonly done: boolean } | undefined> {
  const [row] = await tx.query(selectAgent, [agentId]);
  const agent = row === undefined ? undefined : toAgent(row, box);
  if (agent === undefined || !plan.applies(agent)) return undefined;
  const lane = laneOf('task', agentId);
  const waiting = await waitingOf(tx, lane, plan);
  const { state, lastError } = plan.tasks;
  const reports = waiting.flatMap(
    (task) => plan.reportOf({ ...toStoredTask(agentId, task), lastError }) ?? [],
  );
  const seqs = waiting.map((task) => task['seq'] as number);
  const ending =
    seqs.length === 0 ? [] : [tx.query(endTasks, [bigintArray(seqs), state, plan.at, lastError])];
  const done = waiting.length < plan.limit;
  const removed = done
    ? await takeAway(tx, agent, plan, reports, ending)
    : await markLeaving(tx, agent, plan, reports, ending);
  depths.add(lane, -waiting.length);
  return { agent: removed, done };
}

/** What waits, and what the asking worker holds without having begun an attempt of it. */
async function waitingOf(
  tx: Transaction,
  lane: string,
  { limit, at, holder }: RemovalPlan,
): Promise<Row[]> {
  const waiting: Row[] = [];
  let [dueAt, seq] = [Number.MIN_SAFE_INTEGER, 0];
  for (;;) {
    const rows = await tx.query(selectWaiting, [
      lane,
      dueAt,
      seq,
      holder?.owner ?? null,
      at,
      limit,
    ]);
    for (const row of rows) {
      [dueAt, seq] = [row['due_at'] as number, row['seq'] as number];
      const sent = row['lease_owner'] === holder?.owner && holder?.isSent(row['id'] as string);
      if (sent !== true) waiting.push(row);
      if (waiting.length === limit) return waiting;
    }
    if (rows.length < limit) return waiting;
  }
}

/** The agent marked as leaving, which is an event the first time. */
async function markLeaving(
  tx: Transaction,
  agent: Agent,
  { at }: RemovalPlan,
  reports: readonly NewDelivery[],
  ending: readonly Promise<Row[]>[],
): Promise<Agent> {
  const lane = laneOf('task', agent.agentId);
  if (agent.status === 'deregistering') {
    await tx.commit(...ending, ...store(tx, lane, reports, []));
    return agent;
  }
  const marked: Agent = { ...agent, status: 'deregistering', updatedAt: at };
  const events = [{ type: 'status', at, agent: marked } as const];
  const [counted] = await tx.commit(
    Promise.all(countEvents(tx, events)),
    ...ending,
    tx.query(markDeregistering, [agent.agentId, at]),
    ...insertEvents(tx, events),
    ...store(tx, lane, reports, []),
  );
  return { ...marked, revision: counted[0]?.[0]?.['last'] as number };
}

async function takeAway(
  tx: Transaction,
  agent: Agent,
  plan: RemovalPlan,
  reports: readonly NewDelivery[],
  ending: readonly Promise<Row[]>[],
): Promise<Agent> {
  const lane = laneOf('task', agent.agentId);
  const { at } = plan;
  const events = [{ type: 'deregistered', at, agent } as const];
  const webhook = plan.webhookOf(agent);
  await tx.commit(
    ...ending,
    tx.query(deleteAgent, [agent.agentId, textArray([...tagsOf(agent)])]),
    ...countEvents(tx, events),
    ...insertEvents(tx, events),
    // What is still in flight ends by itself; a hold would keep its retry from ending.
    ...store(tx, lane, webhook === undefined ? reports : [...reports, webhook], [
      { lane, until: 0, now: at },
    ]),
  );
  return agent;
}

/** Stores reports and the webhook, and ends the hold of the task lane; lanes in the order of their names. */
function store(
  tx: Transaction,
  lane: string,
  deliveries: readonly NewDelivery[],
  ends: readonly LaneHold[],
): Promise<Row[]>[] {
  return [
    ...enterLanes(
      tx,
      deliveries.filter((delivery) => delivery.lane < lane),
    ),
    ...pauseLanes(
      tx,
      ends.map((end) => ({ ...end, pausedAt: null })),
      ends,
    ),
    ...enterLanes(
      tx,
      deliveries.filter((delivery) => delivery.lane > lane),
    ),
    ...(deliveries.length === 0 ? [] : [insertEntered(tx, deliveries)]),
  ];
}

function toStoredTask(agentId: string, row: Row): StoredTask {
  return {
    id: row['id'] as string,
    agentId,
    attemptCount: row['attempt_count'] as number,
    lastError: row['last_error'] as string | null,
    body: row['body'] as Uint8Array,
  };
}
