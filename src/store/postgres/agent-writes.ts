import { tagsOf, toBindings } from '../agent-rows.ts';
import type { SecretBox } from '../secret-box.ts';
import type { Agent, AgentToken } from '../store.ts';
import { bigintArray, textArray } from './arrays.ts';
import { sql, type Row, type Transaction } from './database.ts';
import { toText } from './text.ts';

const COLUMNS = [
  'agent_name',
  'version',
  'contact_endpoint',
  'capabilities',
  'metadata',
  'signing_secret',
  'previous_secret',
  'previous_secret_until',
  'previous_secret_hex_until',
  'owner',
  'status',
  'registered_at',
  'updated_at',
  'last_seen_at',
  'lease_seconds',
  'lease_expires_at',
  'offline_at',
  'unreachable_at',
] as const;

// Whose change is an event gets its seq as its revision: the counter was moved on in the statement before. -n stands for
// the nth event of this transaction.
const REVISION = `CASE WHEN r.revision < 0 THEN (SELECT last FROM event_counter) - $2 - r.revision ELSE r.revision END`;

const insert = sql(
  'agents_insert',
  `INSERT INTO agents (agent_id, token_hash, ${COLUMNS.join(', ')}, revision)
  SELECT r.agent_id, r.token_hash, ${COLUMNS.map((column) => `r.${column}`).join(', ')}, ${REVISION}
  FROM json_populate_recordset(NULL::agents, $1::json) r`,
);

const update = sql(
  'agents_update',
  `UPDATE agents a SET ${COLUMNS.map((column) => `${column} = r.${column}`).join(', ')}, revision = ${REVISION}
  FROM json_populate_recordset(NULL::agents, $1::json) r WHERE a.agent_id = r.agent_id`,
);

const updateTokens = sql(
  'agents_tokens',
  `UPDATE agents a SET previous_token_hash = a.token_hash, previous_token_until = u.previous_until, token_hash = u.hash
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (agent_id, hash, previous_until)
  WHERE a.agent_id = u.agent_id`,
);

const insertTags = sql(
  'tags_insert',
  'INSERT INTO agent_tags (tag, agent_id) SELECT * FROM unnest($1::text[], $2::text[])',
);

const deleteTags = sql(
  'tags_delete',
  `DELETE FROM agent_tags t USING unnest($1::text[], $2::text[]) AS u (tag, agent_id)
  WHERE t.tag = u.tag AND t.agent_id = u.agent_id`,
);

export interface AgentWrite {
  readonly before: Agent | undefined;
  readonly after: Agent;
  /** Needed for an insert; on an update the agent otherwise keeps its token. */
  readonly token: AgentToken | undefined;
  /** Which of the transaction's events this is, from 1. */
  readonly event?: number | undefined;
}

/** Writes agents, their tokens and tags; of `eventCount` events, which have been counted. */
export function writeAgents(
  tx: Transaction,
  writes: readonly AgentWrite[],
  eventCount: number,
  box: SecretBox,
): Promise<Row[]>[] {
  const inserts = writes.filter(({ before }) => before === undefined);
  const updates = writes.filter(({ before }) => before !== undefined);
  if (inserts.some(({ token }) => token === undefined)) {
    throw new Error('an agent is inserted with a token');
  }
  const renewed = updates.flatMap(({ after, token }) =>
    token === undefined ? [] : [{ agentId: after.agentId, ...token }],
  );
  const json = (of: readonly AgentWrite[]) => JSON.stringify(of.map((write) => record(write, box)));
  return [
    ...(inserts.length === 0 ? [] : [tx.query(insert, [json(inserts), eventCount])]),
    ...(updates.length === 0 ? [] : [tx.query(update, [json(updates), eventCount])]),
    ...(renewed.length === 0
      ? []
      : [
          tx.query(updateTokens, [
            textArray(renewed.map(({ agentId }) => agentId)),
            textArray(renewed.map(({ hash }) => hash)),
            bigintArray(renewed.map(({ previousUntil }) => previousUntil)),
          ]),
        ]),
    ...writeTags(tx, writes),
  ];
}

function record({ after, token, event }: AgentWrite, box: SecretBox): Record<string, unknown> {
  const row: Record<string, unknown> = { ...toBindings(after, box), token_hash: token?.hash };
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === 'string') row[column] = toText(value);
  }
  if (event !== undefined) row['revision'] = -event;
  return row;
}

function writeTags(tx: Transaction, writes: readonly AgentWrite[]): Promise<Row[]>[] {
  const gone: [tag: string, agentId: string][] = [];
  const added: [tag: string, agentId: string][] = [];
  for (const { before, after } of writes) {
    const [had, has] = [before === undefined ? new Set<string>() : tagsOf(before), tagsOf(after)];
    for (const tag of had) if (!has.has(tag)) gone.push([tag, after.agentId]);
    for (const tag of has) if (!had.has(tag)) added.push([tag, after.agentId]);
  }
  return [
    ...(gone.length === 0 ? [] : [tx.query(deleteTags, tagColumns(gone))]),
    ...(added.length === 0 ? [] : [tx.query(insertTags, tagColumns(added))]),
  ];
}

function tagColumns(tags: readonly (readonly [string, string])[]): Buffer[] {
  return [textArray(tags.map(([tag]) => tag)), textArray(tags.map(([, agentId]) => agentId))];
}
