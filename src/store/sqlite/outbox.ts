import type { DatabaseSync } from 'node:sqlite';
import type { LeasedDelivery, NewDelivery } from '../../outbox/delivery.ts';
import type { ClaimRequest, ClaimResult, Completion, OutboxStore } from '../store.ts';
import { errorClassOf } from '../delivery-rows.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Lanes } from './lanes.ts';
import { createPrune } from './prune.ts';
import type { ClaimedRow, CompletionRow, WantedLane } from './writer-messages.ts';

/** Lanes taken from in one claim: it bounds how long one claim keeps the others from writing. */
const CLAIM_LANES = 256;

export function createOutboxStore(
  db: DatabaseSync,
  commit: GroupCommit,
  lanes: Lanes,
): OutboxStore {
  const recover = db.prepare(`
    UPDATE deliveries SET due_at = ?1, lease_owner = NULL
    WHERE state = 'scheduled' AND lease_owner IS NOT NULL AND due_at > ?1 AND due_at <= ?2
      AND lane IN (SELECT lane FROM lanes WHERE due_at <= ?2 UNION ALL SELECT lane FROM lanes WHERE hold_until > 0
        UNION ALL SELECT lane FROM lanes WHERE paused_at IS NOT NULL)`);
  const recoverLanes = db.prepare(
    'UPDATE lanes SET due_at = max(?, hold_until) WHERE due_at > ? AND due_at <= ?',
  );
  const prune = createPrune(db);

  /** The lanes to take from. Saturated ones stay due and are stepped over: no more of them than are in flight. */
  function wantedLanes(request: ClaimRequest): { wanted: WantedLane[]; more: boolean } {
    const wanted: WantedLane[] = [];
    for (const lane of lanes.due(request.now)) {
      if (wanted.length >= request.limit || wanted.length === CLAIM_LANES) {
        return { wanted, more: true };
      }
      const capacity = request.capacityOf(lane);
      if (capacity > 0) wanted.push({ lane, capacity });
    }
    return { wanted, more: false };
  }

  async function claim(request: ClaimRequest): Promise<ClaimResult> {
    let found = { wanted: [] as readonly WantedLane[], more: false };
    const { lease, now, limit, maxBytes, probeIntervalMs } = request;
    const claimed = await commit.send('claim', () => {
      found = wantedLanes(request);
      const { wanted } = found;
      return { request: { wanted, lease, now, limit, maxBytes, probeIntervalMs }, bodies: [] };
    });
    const { deliveries, ...rest } = claimed.content;
    return {
      ...rest,
      deliveries: deliveries.map((row, index) =>
        leasedDelivery(row, lease.until, claimed.bodies[index] as Uint8Array),
      ),
      more: found.more || rest.more,
    };
  }

  return {
    claim,
    complete: async (completion) => {
      const { content } = await commit.send('complete', () => {
        const { followUp } = completion;
        return {
          request: completionRow(completion),
          bodies: followUp === undefined ? [] : [followUp.body],
        };
      });
      return content;
    },
    release: async (leases, now) => {
      const given = leases.map(({ seq, epoch, lane }) => ({ seq, epoch, lane }));
      await commit.send('release', () => ({ request: { leases: given, now }, bodies: [] }));
    },
    recover: (now, longestLeaseMs) =>
      commit.run(() => {
        // An unexpired lease ends between now and this horizon: neither what is due already (an expired lease is), nor
        // what waits for longer is looked at, so a start costs the same whatever the backlog.
        const horizon = now + longestLeaseMs;
        const { changes } = recover.run(now, horizon);
        recoverLanes.run(now, now, horizon);
        return Number(changes);
      }),
    prune: (request) => commit.run(() => prune(request)),
  };
}

function completionRow(completion: Completion): CompletionRow {
  const { seq, epoch, lane, state, lastError, unburnt, attempt, followUp } = completion;
  return [
    seq,
    epoch,
    lane,
    state,
    state === 'scheduled' ? completion.dueAt : completion.finishedAt,
    lastError,
    errorClassOf(completion),
    unburnt === true,
    attempt === undefined
      ? null
      : [
          attempt.number,
          attempt.startedAt,
          attempt.durationMs,
          attempt.outcome,
          attempt.statusCode,
          attempt.errorClass,
          attempt.responseExcerpt,
          attempt.connectedMs,
          attempt.answeredMs,
          attempt.spanId,
        ],
    followUp === undefined ? null : bodiless(followUp),
  ];
}

function bodiless({ body: _, ...rest }: NewDelivery): Omit<NewDelivery, 'body'> {
  return rest;
}

function leasedDelivery(row: ClaimedRow, leaseUntil: number, body: Uint8Array): LeasedDelivery {
  const [seq, id, kind, agentId, lane, name, createdAt, dueAt, traceparent, ...leased] = row;
  const [epoch, attemptCount, unburntCount, probe] = leased;
  return {
    id,
    kind,
    agentId,
    lane,
    name,
    createdAt,
    dueAt,
    body,
    traceparent,
    seq,
    epoch,
    attemptCount,
    unburntCount,
    probe,
    leaseUntil,
  };
}
