import { capabilityTag, metadataTag, PAUSED_AT, toAgent } from '../agent-rows.ts';
import type { SecretBox } from '../secret-box.ts';
import type { AgentFilter, AgentStore } from '../store.ts';
import { endOfPrefix } from '../prefix.ts';
import type { Database, Value } from './database.ts';
import { Numbered, type Query } from './numbered.ts';

/** A part of a filter that an index answers: which agents pass it, and how to ask that of one agent. */
interface Criterion {
  /** Selects the ids. */
  readonly ids: string;
  /** Of an agent `a`. */
  readonly condition: string;
  readonly values: readonly Value[];
}

/** With so few agents passing one criterion, all of them are looked at and sorted. */
const FEW = 1_000;

/**
 * Lists agents by the index that the filter has for it, so that a page costs what is on it and not what there is. The
 * planner is not asked: a prepared statement knows the filter's shape and not how many agents pass it.
 */
export function createAgentList(db: Database, box: SecretBox): AgentStore['list'] {
  const statements = new Numbered('agents_list');
  const run = (query: Query) => statements.run(db, query);

  /** The criterion that the fewest agents pass, if they are few; among several the one that leaves the least to do. */
  async function narrowest(criteria: readonly Criterion[]): Promise<Criterion | undefined> {
    if (criteria.length < 2) return undefined;
    const counts = await Promise.all(
      criteria.map(async ({ ids, values }) => {
        const text = `SELECT count(*) AS n FROM (${ids} LIMIT ${FEW}) c`;
        return (await run({ text, values }))[0]?.['n'] as number;
      }),
    );
    const fewest = Math.min(...counts);
    return fewest < FEW ? criteria[counts.indexOf(fewest)] : undefined;
  }

  return async (filter, { limit, after }) => {
    const criteria = criteriaOf(filter);
    const few = await narrowest(criteria);
    const { text, values } =
      few === undefined ? inOrder(filter, after) : sorted(filter, criteria, few, after);
    const rows = await run({ text, values: [...values, limit + 1] });
    const items = rows.slice(0, limit).map((row) => toAgent(row, box));
    const last = rows.length > limit ? items.at(-1) : undefined;
    return { items, next: last === undefined ? null : last[orderOf(filter)] };
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
    condition: 'EXISTS (SELECT FROM agent_tags AS o WHERE o.tag = ? AND o.agent_id = a.agent_id)',
    values: [tag],
  }));
  const of = (condition: string, ...values: Value[]): void => {
    criteria.push({
      ids: `SELECT agent_id FROM agents AS a WHERE ${condition}`,
      condition,
      values,
    });
  };
  if (filter.version !== undefined) of('a.version = ?', filter.version);
  if (filter.status !== undefined) of('a.status = ?', filter.status);
  if (filter.namePrefix !== undefined) {
    // The database compares UTF-8 bytes, which is the order of code points; text.ts keeps to it.
    const end = endOfPrefix(filter.namePrefix);
    if (end === undefined) of('a.agent_name >= ?', filter.namePrefix);
    else of('a.agent_name >= ? AND a.agent_name < ?', filter.namePrefix, end);
  }
  return criteria;
}

/** Walks an index that is in the order of the pages; what does not pass the rest is passed over. */
function inOrder(filter: AgentFilter, after: string | null): Query {
  const [driving] = tagsOf(filter);
  const byName = orderOf(filter) === 'agentName';
  const from =
    driving === undefined
      ? 'FROM agents AS a'
      : 'FROM agent_tags AS t JOIN agents AS a ON a.agent_id = t.agent_id';
  const position = driving !== undefined ? 't.agent_id' : byName ? 'a.agent_name' : 'a.agent_id';
  const others = criteriaOf(filter).slice(driving === undefined ? 0 : 1);
  const conditions = [
    ...(driving === undefined ? [] : ['t.tag = ?']),
    ...(after === null ? [] : [`${position} > ?`]),
    ...others.map(({ condition }) => condition),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return {
    text: `SELECT a.*, ${PAUSED_AT} ${from} ${where} ORDER BY ${position} LIMIT ?`,
    values: [
      ...(driving === undefined ? [] : [driving]),
      ...(after === null ? [] : [after]),
      ...others.flatMap((other) => other.values),
    ],
  };
}

/** Looks at all that pass the one criterion. The pages have the same order either way: a cursor fits both. */
function sorted(
  filter: AgentFilter,
  criteria: readonly Criterion[],
  few: Criterion,
  after: string | null,
): Query {
  const position = orderOf(filter) === 'agentName' ? 'a.agent_name' : 'a.agent_id';
  const others = criteria.filter((criterion) => criterion !== few);
  const conditions = [
    ...(after === null ? [] : [`${position} > ?`]),
    ...others.map(({ condition }) => condition),
  ];
  return {
    text: `WITH f AS MATERIALIZED (${few.ids} LIMIT ${FEW})
      SELECT a.*, ${PAUSED_AT} FROM f JOIN agents AS a ON a.agent_id = f.agent_id
      WHERE ${conditions.join(' AND ')} ORDER BY ${position} LIMIT ?`,
    values: [
      ...few.values,
      ...(after === null ? [] : [after]),
      ...others.flatMap((other) => other.values),
    ],
  };
}
