/** A change to a source file of the service, made as a child process loads it. */
export interface Edit {
  /** Below src/. */
  readonly file: string;
  /** Stands there exactly once, or `times`. */
  readonly from: string;
  readonly to: string;
  readonly times?: number;
}

/** Faults that the oracle has to find: each is planted into the real service, which then goes through an experiment. */
export const bugs = {
  'the answer goes out before the commit': [
    {
      file: 'store/sqlite/batch.ts',
      from: "db.exec('BEGIN IMMEDIATE');",
      to: "if (!db.isTransaction) db.exec('BEGIN IMMEDIATE');",
    },
    {
      file: 'store/sqlite/batch.ts',
      from: "db.exec('COMMIT');",
      to: `globalThis.committing ??= setTimeout(() => {
        globalThis.committing = undefined;
        db.exec('COMMIT');
      }, 50);`,
    },
  ],
  'an event is written without its state': [
    {
      file: 'store/sqlite/agents.ts',
      from: 'write(written, stored, token);',
      to: "if (event !== 'updated' || Math.random() > 0.3) write(written, stored, token);",
    },
  ],
  'a state is written without its event': [
    {
      file: 'store/sqlite/agents.ts',
      from: 'if (webhook !== undefined) insertDelivery(webhook);',
      to: 'if (webhook !== undefined && Math.random() > 0.1) insertDelivery(webhook);',
    },
  ],
  'a refusal counts as delivered': [
    {
      file: 'outbox/outcome.ts',
      from: 'status >= 200 && status < 300',
      to: 'status >= 200 && status < 600',
    },
  ],
  'the Idempotency-Key is ignored': [
    {
      file: 'tasks/tasks.ts',
      from: 'request.idempotencyKey === undefined',
      to: 'request.idempotencyKey !== null',
    },
  ],
  'the event that is due first goes out first': [
    {
      file: 'store/sqlite/claim.ts',
      from: "WHERE d.lane = ? AND d.state = 'scheduled' AND d.ordered = 1 ORDER BY d.seq LIMIT 1",
      to: "WHERE d.lane = ? AND d.state = 'scheduled' AND d.ordered = 1 ORDER BY d.due_at LIMIT 1",
    },
  ],
  'the event that is due first goes out first (PostgreSQL)': [
    {
      file: 'store/postgres/claim.ts',
      from: 'h.ordered ORDER BY h.seq LIMIT 1',
      to: 'h.ordered ORDER BY h.due_at LIMIT 1',
    },
  ],
  'a stale completion is taken': [
    {
      file: 'store/postgres/complete.ts',
      from: 's.seq = u.seq AND s.epoch = u.epoch AND s.lease_owner IS NOT NULL',
      to: 's.seq = u.seq',
      times: 2,
    },
  ],
  'an attempt starts although its lease is over': [
    {
      file: 'outbox/worker.ts',
      from: 'return leaseUntil >= this.#deps.clock.now() + this.#options.attemptTimeout + RECORD_MARGIN_MS;',
      to: 'return leaseUntil > 0;',
    },
  ],
  'a cancel does not tell the worker': [
    { file: 'tasks/tasks.ts', from: 'worker.drop(taskId);', to: '' },
  ],
  'a cancel does not wait for the replica that holds the task': [
    {
      file: 'store/postgres/cancel.ts',
      from: "await cancellations.settled(taskId, taken['start_by'] as number);",
      to: '',
    },
  ],
  'due times are told by the wall clock': [
    {
      file: 'clock.ts',
      from: 'now: () => Math.round(anchor + performance.now()),',
      to: 'now: () => Date.now(),',
    },
  ],
  // No bug: leases of seconds, so that a planted one shows in seconds.
  'leases are short': [
    {
      file: 'outbox/worker.ts',
      from: 'export const LEASE_MARGIN_MS = 10_000;',
      to: 'export const LEASE_MARGIN_MS = 2_000;',
    },
  ],
} as const satisfies Record<string, readonly Edit[]>;

export type PlantedBug = keyof typeof bugs;
