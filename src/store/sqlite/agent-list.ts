import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { SecretBox } from '../secret-box.ts';
import type { Agent, AgentFilter, Page } from '../store.ts';
import { capabilityTag, metadataTag, toAgent } from '../agent-rows.ts';

/**
 * Lists agents by the index that the filter has for it, so that a page costs what is on it and not what there is:
 * 100,000 agents cost no more than 1,000. Other filters are applied on the way.
 */
export function createAgentList(db: DatabaseSync, box: SecretBox) {
  const prepared = new Map<string, StatementSync>();

  function statement(sql: string): StatementSync {
    let found = prepared.get(sql);
    if (found === undefined) {
      found = db.prepare(sql);
      prepared.set(sql, found);
    }
    return found;
  }

  return (filter: AgentFilter, page: { limit: number; after: string | null }): Page<Agent> => {
    const { sql, values, order } = query(filter, page.after);
    const rows = statement(sql).all(...values, page.limit + 1);
    const items = rows.slice(0, page.limit).map((row) => toAgent(row, box));
    const last = rows.length > page.limit ? items.at(-1) : undefined;
    return { items, next: last === undefined ? null : last[order] };
  };
}

function query(filter: AgentFilter, after: string | null) {
  const values: SQLInputValue[] = [];
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
      : 'FROM agent_tags AS t CROSS JOIN agents AS a ON a.agent_id = t.agent_id';
  const position = driving !== undefined ? 't.agent_id' : byName ? 'a.agent_name' : 'a.agent_id';
  if (driving !== undefined) add('t.tag = ?', driving);
  if (after !== null) add(`${position} > ?`, after);
  for (const tag of otherTags) {
    add('EXISTS (SELECT 1 FROM agent_tags AS o WHERE o.tag = ? AND o.agent_id = a.agent_id)', tag);
  }
  if (filter.namePrefix !== undefined) {
    // Any text that starts with the prefix lies between it and its successor.
    add('a.agent_name >= ?', filter.namePrefix);
    add('a.agent_name < ?', `${filter.namePrefix}\u{10FFFF}`);
  }
  if (filter.version !== undefined) add('a.version = ?', filter.version);
  if (filter.status !== undefined) add('a.status = ?', filter.status);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT a.* ${from} ${where} ORDER BY ${position} LIMIT ?`, values, order };

  function add(condition: string, value: SQLInputValue): void {
    conditions.push(condition);
    values.push(value);
  }
}
