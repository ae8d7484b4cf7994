import type { StoredAgent, StoredDelivery } from '../oracle/history.ts';
import { eventKey, keyOfEvent, keyOfTask } from './keys.ts';

/** Looks into the database of the services, past them. */
export interface Onlooker {
  /** DATABASE_URL of one of the services on it. */
  urlFor(service: string): string;
  /** Resolves once nothing of a service that has ended is under way in the database any more. */
  settled(service: string): Promise<void>;
  /** Ids of what is under a lease of this owner, and how many attempts of each are recorded; on SQLite of any owner. */
  leasedBy(owner: string): Promise<ReadonlyMap<string, number>>;
  /** How many deliveries are scheduled. */
  scheduled(): Promise<number>;
  deliveries(): Promise<StoredDelivery[]>;
  agents(): Promise<StoredAgent[]>;
  /** Throws when the database is damaged. */
  verify(): Promise<void>;
}

export type Row = Readonly<Record<string, unknown>>;

/** Webhooks and tasks; state reports are no operation of anybody's. */
export const SELECT_DELIVERIES = `
  SELECT d.seq, d.id, d.kind, d.state, p.body FROM deliveries d JOIN payloads p ON p.seq = d.seq
  WHERE d.kind <> 'state_report'`;

export const SELECT_ATTEMPTS = 'SELECT seq, started_at FROM attempts';

export const SELECT_AGENTS = 'SELECT agent_name, version, status FROM agents';

export function toDeliveries(rows: readonly Row[], attempts: readonly Row[]): StoredDelivery[] {
  const attemptsOf = Map.groupBy(attempts, (row) => Number(row['seq']));
  return rows.map((row) => {
    const body = Buffer.from(row['body'] as Uint8Array).toString();
    const seq = Number(row['seq']);
    return {
      id: row['id'] as string,
      key: row['kind'] === 'task' ? keyOfTask(body) : keyOfEvent(body),
      seq,
      state: row['state'] as string,
      startedAt: (attemptsOf.get(seq) ?? []).map((attempt) => Number(attempt['started_at'])),
    };
  });
}

export function toLeased(rows: readonly Row[]): Map<string, number> {
  return new Map(rows.map((row) => [row['id'] as string, Number(row['attempt_count'])]));
}

export function toAgent(row: Row): StoredAgent {
  const agent = row['agent_name'] as string;
  const key = eventKey(agent, row['version'] as string);
  return { agent, key, status: row['status'] as string };
}
