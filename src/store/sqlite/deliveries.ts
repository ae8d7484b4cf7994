import type { DatabaseSync } from 'node:sqlite';
import { isOrdered } from '../../outbox/delivery.ts';
import type { DeliveryStore } from '../delivery-store.ts';
import { toAttempt, toRecord } from '../delivery-rows.ts';
import { createDeliveryList } from './delivery-list.ts';
import type { DepthChanges } from './depths.ts';
import { createFailing } from './failing.ts';
import { RECORD, type Failures } from './failures.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Lanes } from './lanes.ts';
import type { Retry } from './retry.ts';

interface Deps {
  readonly db: DatabaseSync;
  readonly commit: GroupCommit;
  readonly lanes: Lanes;
  readonly depths: DepthChanges;
  readonly failures: Failures;
  readonly retry: Retry;
}

export function createDeliveryStore(deps: Deps): DeliveryStore {
  const { db, commit, lanes, depths, failures, retry } = deps;
  const select = db.prepare(`SELECT ${RECORD} WHERE d.id = ?`);
  const selectPayload = db.prepare(
    'SELECT length(body) AS bytes, traceparent FROM payloads WHERE seq = ?',
  );
  const selectAttempts = db.prepare('SELECT * FROM attempts WHERE seq = ? ORDER BY number');
  const selectHead = db.prepare(`
    SELECT id FROM deliveries WHERE lane = ? AND state = 'scheduled' AND ordered = 1 ORDER BY seq LIMIT 1`);
  const cancel = db.prepare(`
    UPDATE deliveries SET state = 'cancelled', finished_at = ?, lease_owner = NULL WHERE seq = ?`);
  const pull = db.prepare(`
    UPDATE deliveries SET due_at = ?1 WHERE seq IN (
      SELECT seq FROM deliveries INDEXED BY deliveries_due
      WHERE lane = ?2 AND state = 'scheduled' AND due_at > ?1 AND lease_owner IS NULL ORDER BY due_at LIMIT ?3)`);

  return {
    list: createDeliveryList(db),
    failing: createFailing(db),

    get: async (id) => {
      const row = select.get(id);
      if (row === undefined) return undefined;
      const seq = row['seq'] as number;
      const lane = row['lane'] as string;
      const waits = row['state'] === 'scheduled' && isOrdered(lane);
      const head = waits ? (selectHead.get(lane)?.['id'] as string) : id;
      const payload = selectPayload.get(seq);
      return {
        record: toRecord(row),
        attempts: selectAttempts.all(seq).map(toAttempt),
        bytes: payload?.['bytes'] as number,
        traceparent: payload?.['traceparent'] as string | null,
        behind: head === id ? null : head,
      };
    },

    retry: (id, { now, force }) =>
      commit.run(() => {
        const row = select.get(id);
        return row === undefined ? 'not_found' : retry(row, now, force);
      }),

    cancel: (id, at) =>
      commit.run(() => {
        const row = select.get(id);
        if (row === undefined || row['kind'] === 'task') return 'not_found';
        if (row['state'] === 'cancelled') return 'cancelled';
        if (row['state'] !== 'scheduled') return 'finished';
        if (row['lease_owner'] !== null && (row['due_at'] as number) > at) return 'busy';
        const lane = row['lane'] as string;
        cancel.run(at, row['seq'] as number);
        failures.cancelled(row['seq'] as number, row['agent_id'] as string);
        depths.add(lane, -1);
        lanes.lower(lane, at);
        return 'cancelled';
      }),

    pullForward: (lane, now, limit) =>
      commit.run(() => {
        const pulled = Number(pull.run(now, lane, limit).changes);
        if (pulled > 0) lanes.lower(lane, now);
        return pulled;
      }),
  };
}
