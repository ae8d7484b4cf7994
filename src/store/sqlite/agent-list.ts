import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { SecretBox } from '../secret-box.ts';
import type { Agent, AgentFilter, Page } from '../store.ts';
import { endOfPrefix } from '../prefix.ts';
import { createStatements } from './statements.ts';
import { capabilityTag, metadataTag, PAUSED_AT, toAgent } from '../agent-rows.ts';

/** A part of a filter that an index answers: which agents pass it, and how to ask that of one agent. */
interface Criterion {
  /** Selects the ids. */
  readonly ids: string;
  /** Of an agent `a`. */
  readonly condition: string;
  readonly values: readonly SQLInputValue[];
}

/**
 * With so few agents passing one criterion, all of them are looked at and sorted: some 2 ms. 100,000 agents of which
 * most pass one criterion and none the other cost 35 ms and more otherwise.
 */
const FEW = 1_000;

/**
 * Lists agents by the index that the filter has for it, so that a page costs what is on it and not what there is:
 * 100,000 agents cost no more than 1,000 (bench/agents.ts).
 */
export function createAgentList(db: DatabaseSync, box: SecretBox) {
  const statement = createStatements(db);

  /** The criterion that the fewest agents pass, if they are few; among several the one that leaves the least to do. */
  function narrowest(criteria: readonly Criterion[]): Criterion | undefined {
    if (criteria.length < 2) return undefined;
    let found: Criterion | undefined;
    let fewest = FEW;
    for (const criterion of criteria) {
      const count = statement(`SELECT count(*) AS n FROM (${criterion.ids} LIMIT ?)`);
      const n = count.get(...criterion.values, fewest)?.['n'] as number;
      if (n >= fewest) continue;
      fewest = n;
      found = criterion;
    }
    return found;
  }

  return (filter: AgentFilter, page: { limit: number; after: string | null }): Page<Agent> => {
    const criteria = criteriaOf(filter);
    const few = narrowest(criteria);
    const { sql, values, order } =
      few === undefined ? inOrder(filter, page.after) : sorted(filter, criteria, few, page.after);
    const rows = statement(sql).all(...values, page.limit + 1);
    const items = rows.slice(0, page.limit).map((row) => toAgent(row, box));
    const last = rows.length > page.limit ? items.at(-1) : undefined;
    return { items, next: last === undefined ? null : last[order] };
  };
}

/** A name prefix alone is a range of the name's index: the pages go by name. Tags are in the order of ids. */
function orderOf(filter: AgentFilter): 'agentName' | 'agentId' {
  return filter.namePrefix !== undefined && tagsOf(filter).length === 0 ? 'agentName' : 'agentId';
}

function tagsOf(filter: AgentFilter): string[] {
  return [
    ...(filter.capabilities ?? []).map(capabilityTag),
    ...(filter.metadataKey === undefined ? [] : [metadataTag(filter.metadataKey)]),
  ];
}

function criteriaOf(filter: AgentFilter): Criterion[] {
  const criteria: Criterion[] = tagsOf(filter).map((tag) => ({
    ids: 'SELECT agent_id FROM agent_tags WHERE tag = ?',
    condition: 'EXISTS (SELECT 1 FROM agent_tags AS o WHERE o.tag = ? AND o.agent_id = a.agent_id)',
    values: [tag],
  }));
  const of = (condition: string, ...values: SQLInputValue[]): void => {
    const ids = `SELECT agent_id FROM agents AS a WHERE ${condition}`;
    criteria.push({ ids, condition, values });
  };
  if (filter.version !== undefined) of('a.version = ?', filter.version);
  if (filter.status !== undefined) of('a.status = ?', filter.status);
  if (filter.namePrefix !== undefined) {
    const end = endOfPrefix(filter.namePrefix);
    if (end === undefined) of('a.agent_name >= ?', filter.namePrefix);
    else of('a.agent_name >= ? AND a.agent_name < ?', filter.namePrefix, end);
  }
  return criteria;
}

/** Walks an index that is in the order of the pages; what does not pass the rest is passed over. */
function inOrder(filter: AgentFilter, after: string | null) {
  const order = orderOf(filter);
  const [driving] = tagsOf(filter);
  const from =
    driving === undefined
      ? 'FROM agents AS a'
      : 'FROM agent_tags AS t CROSS JOIN agents AS a ON a.agent_id = t.agent_id';
  const position =
    driving !== undefined ? 't.agent_id' : order === 'agentName' ? 'a.agent_name' : 'a.agent_id';
  const others = criteriaOf(filter).slice(driving === undefined ? 0 : 1);
  const conditions = [
    ...(driving === undefined ? [] : ['t.tag = ?']),
    ...(after === null ? [] : [`${position} > ?`]),
    ...others.map(({ condition }) => condition),
  ];
  const values = [
    ...(driving === undefined ? [] : [driving]),
    ...(after === null ? [] : [after]),
    ...others.flatMap((other) => other.values),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return {
    sql: `SELECT a.*, ${PAUSED_AT} ${from} ${where} ORDER BY ${position} LIMIT ?`,
    values,
    order,
  };
}

/** Looks at all that pass the one criterion. The pages have the same order either way: a cursor fits both. */
function sorted(
  filter: AgentFilter,
  criteria: readonly Criterion[],
  few: Criterion,
  after: string | null,
) {
  const order = orderOf(filter);
  // A plus keeps SQLite from walking the whole index of the order instead.
  const position = order === 'agentName' ? '+a.agent_name' : '+a.agent_id';
  const others = criteria.filter((criterion) => criterion !== few);
  const conditions = [
    ...(after === null ? [] : [`${position} > ?`]),
    ...others.map(({ condition }) => condition),
  ];
  const values = [
    ...few.values,
    ...(after === null ? [] : [after]),
    ...others.flatMap((other) => other.values),
  ];
  const from = `FROM (${few.ids} LIMIT ${FEW}) AS f CROSS JOIN agents AS a ON a.agent_id = f.agent_id`;
  return {
    sql: `SELECT a.*, ${PAUSED_AT} ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${position} LIMIT ?`,
    values,
    order,
  };
}
