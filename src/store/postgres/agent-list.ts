import { capabilityTag, metadataTag, toAgent } from '../agent-rows.ts';
import type { SecretBox } from '../secret-box.ts';
import type { AgentFilter, AgentStore } from '../store.ts';
import { sql, type Database, type Value } from './database.ts';

/**
 * Lists agents by the index that the filter has for it, so that a page costs what is on it and not what there is.
 * Other filters are applied on the way.
 */
export function createAgentList(db: Database, box: SecretBox): AgentStore['list'] {
  return async (filter, page) => {
    const { text, values, order } = query(filter, page);
    // The text is the shape of the filter: a few dozen at most, each prepared under its own name.
    const rows = await db.read(sql(`agents_list ${shapeOf(filter, page.after)}`, text), values);
    const items = rows.slice(0, page.limit).map((row) => toAgent(row, box));
    const last = rows.length > page.limit ? items.at(-1) : undefined;
    return { items, next: last === undefined ? null : last[order] };
  };
}

function shapeOf(filter: AgentFilter, after: string | null): string {
  return [
    `c${filter.capabilities?.length ?? 0}`,
    filter.metadataKey === undefined ? '' : 'm',
    filter.namePrefix === undefined ? '' : 'n',
    filter.version === undefined ? '' : 'v',
    filter.status === undefined ? '' : 's',
    after === null ? '' : 'a',
  ].join('');
}

function query(filter: AgentFilter, { limit, after }: { limit: number; after: string | null }) {
  const values: Value[] = [];
  const conditions: string[] = [];
  const tags = [
    ...(filter.capabilities ?? []).map(capabilityTag),
    ...(filter.metadataKey === undefined ? [] : [metadataTag(filter.metadataKey)]),
  ];
  const [driving, ...otherTags] = tags;

  // A name prefix is a range of the name's index; the page then goes by name.
  const byName = driving === undefined && filter.namePrefix !== undefined;
  const order = byName ? ('agentName' as const) : ('agentId' as const);
  const from =
    driving === undefined
      ? 'FROM agents AS a'
      : 'FROM agent_tags AS t JOIN agents AS a ON a.agent_id = t.agent_id';
  const position = driving !== undefined ? 't.agent_id' : byName ? 'a.agent_name' : 'a.agent_id';
  if (driving !== undefined) conditions.push(`t.tag = ${bound(driving)}`);
  if (after !== null) conditions.push(`${position} > ${bound(after)}`);
  for (const tag of otherTags) {
    conditions.push(
      `EXISTS (SELECT FROM agent_tags AS o WHERE o.tag = ${bound(tag)} AND o.agent_id = a.agent_id)`,
    );
  }
  if (filter.namePrefix !== undefined) {
    // Any text that starts with the prefix lies between it and its successor.
    conditions.push(`a.agent_name >= ${bound(filter.namePrefix)}`);
    conditions.push(`a.agent_name < ${bound(`${filter.namePrefix}\u{10FFFF}`)}`);
  }
  if (filter.version !== undefined) conditions.push(`a.version = ${bound(filter.version)}`);
  if (filter.status !== undefined) conditions.push(`a.status = ${bound(filter.status)}`);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const text = `SELECT a.* ${from} ${where} ORDER BY ${position} LIMIT ${bound(limit + 1)}`;
  return { text, values, order };

  function bound(value: Value): string {
    values.push(value);
    return `$${values.length}`;
  }
}
