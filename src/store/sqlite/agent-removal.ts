import { laneOf } from '../../outbox/delivery.ts';
import type { Agent, AgentStore, LeaseHolder, StoredTask } from '../store.ts';
import type { AgentEvents } from './agent-events.ts';
import { tagsOf, type Row } from '../agent-rows.ts';
import type { AgentStoreDeps } from './agents.ts';

/** How an agent goes: its waiting tasks end first, in steps. */
export function createAgentRemoval(
  { db, commit, cache, lanes, depths, insertDelivery, failures }: AgentStoreDeps,
  events: AgentEvents,
): Pick<AgentStore, 'remove' | 'listDeregistering'> {
  const waitingTasks = db.prepare(`
    SELECT d.seq, d.id, d.lease_owner, d.attempt_count, d.last_error, p.body
    FROM deliveries d JOIN payloads p ON p.seq = d.seq
    WHERE d.lane = ? AND d.state = 'scheduled'
    ORDER BY d.due_at`);
  const endTask = db.prepare(`
    UPDATE deliveries SET state = ?, finished_at = ?, last_error = ?, lease_owner = NULL WHERE seq = ?`);
  const markDeregistering = db.prepare(
    "UPDATE agents SET status = 'deregistering', updated_at = ?, revision = ? WHERE agent_id = ?",
  );
  const deleteTag = db.prepare('DELETE FROM agent_tags WHERE tag = ? AND agent_id = ?');
  const deleteAgent = db.prepare('DELETE FROM agents WHERE agent_id = ?');
  const listDeregistering = db.prepare(
    "SELECT agent_id FROM agents WHERE status = 'deregistering' ORDER BY agent_id",
  );

  /** Read to the end before anything is written: SQLite leaves it open what a cursor sees of rows changed under it. */
  function waitingOf(lane: string, limit: number, holder: LeaseHolder | undefined): Row[] {
    const waiting: Row[] = [];
    for (const row of waitingTasks.iterate(lane)) {
      const heldBack =
        row['lease_owner'] === holder?.owner && holder?.isSent(row['id'] as string) === false;
      if (row['lease_owner'] === null || heldBack) waiting.push(row);
      if (waiting.length === limit) break;
    }
    return waiting;
  }

  /** The agent marked as leaving, which is an event the first time. */
  function leaving(agent: Agent, at: number): Agent {
    if (agent.status === 'deregistering') return agent;
    const marked: Agent = { ...agent, status: 'deregistering', updatedAt: at };
    const revision = events.add('status', at, marked);
    markDeregistering.run(at, revision, agent.agentId);
    return { ...marked, revision };
  }

  return {
    remove: (agentId, plan) =>
      commit.run(() => {
        const agent = cache.get(agentId);
        if (agent === undefined || !plan.applies(agent)) return undefined;
        cache.forget(agentId);
        const lane = laneOf('task', agentId);
        const rows = waitingOf(lane, plan.limit, plan.holder);
        for (const row of rows) {
          endTask.run(plan.tasks.state, plan.at, plan.tasks.lastError, row['seq'] as number);
          failures.note(row['seq'] as number, plan.tasks.state, lane, plan.tasks.lastError);
          depths.add(lane, -1);
          const report = plan.reportOf({
            ...toStoredTask(agentId, row),
            lastError: plan.tasks.lastError,
          });
          if (report !== undefined) insertDelivery(report);
        }
        if (rows.length === plan.limit) {
          return { agent: leaving(agent, plan.at), done: false };
        }
        for (const tag of tagsOf(agent)) deleteTag.run(tag, agentId);
        deleteAgent.run(agentId);
        events.add('deregistered', plan.at, agent);
        // What is still in flight ends by itself; a hold would keep its retry from ending.
        lanes.resume(lane, plan.at);
        lanes.release(lane, plan.at);
        const webhook = plan.webhookOf(agent);
        if (webhook !== undefined) insertDelivery(webhook);
        return { agent, done: true };
      }),
    listDeregistering: async () => listDeregistering.all().map((row) => row['agent_id'] as string),
  };
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
