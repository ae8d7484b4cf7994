/** Columns are text (string), whole numbers (number) or bytes; each may be null. */
export type ColumnType = 'text' | 'integer' | 'bytes';
export type Value = string | number | Uint8Array | null;

export interface CarriedTable {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns that name a row; rows are read in their order. None: there is one row. */
  readonly key: readonly string[];
}

function table<C extends Readonly<Record<string, ColumnType>>>(
  name: string,
  key: readonly (keyof C & string)[],
  columns: C,
): CarriedTable {
  return { name, key, columns };
}

/**
 * What a move between two stores carries, in a form that is neither's own, in the order in which it is written. Times
 * are epoch milliseconds, JSON is text. A test compares these lists with the schemas of both stores: a column that is
 * added there has to be named here, or in the store's list of what is not carried.
 */
export const carriedTables: readonly CarriedTable[] = [
  table('agents', ['agent_id'], {
    agent_id: 'text',
    agent_name: 'text',
    version: 'text',
    contact_endpoint: 'text',
    capabilities: 'text',
    metadata: 'text',
    signing_secret: 'text',
    previous_secret: 'text',
    previous_secret_until: 'integer',
    previous_secret_hex_until: 'integer',
    token_hash: 'text',
    previous_token_hash: 'text',
    previous_token_until: 'integer',
    owner: 'text',
    status: 'text',
    registered_at: 'integer',
    updated_at: 'integer',
    last_seen_at: 'integer',
    lease_seconds: 'integer',
    lease_expires_at: 'integer',
    offline_at: 'integer',
    unreachable_at: 'integer',
    revision: 'integer',
  }),
  table('agent_tags', ['tag', 'agent_id'], { tag: 'text', agent_id: 'text' }),
  table('agent_events', ['seq'], {
    seq: 'integer',
    type: 'text',
    at: 'integer',
    agent_id: 'text',
    agent: 'text',
  }),
  // The last number that an event got, though the event itself may have been deleted since.
  table('last_event', [], { seq: 'integer' }),
  table('payloads', ['seq'], { seq: 'integer', body: 'bytes', traceparent: 'text' }),
  // `due_at` and `epoch` of what is scheduled, null of what has ended. A lease is given back: nobody holds one while no
  // service runs, so its delivery is due since it was created.
  table('deliveries', ['seq'], {
    seq: 'integer',
    id: 'text',
    kind: 'text',
    agent_id: 'text',
    name: 'text',
    state: 'text',
    attempt_count: 'integer',
    unburnt_count: 'integer',
    created_at: 'integer',
    finished_at: 'integer',
    last_error: 'text',
    error_class: 'text',
    lane: 'text',
    due_at: 'integer',
    epoch: 'integer',
  }),
  table('attempts', ['seq', 'number'], {
    seq: 'integer',
    number: 'integer',
    started_at: 'integer',
    duration_ms: 'integer',
    outcome: 'text',
    status_code: 'integer',
    error_class: 'text',
    response_excerpt: 'text',
    connected_ms: 'integer',
    answered_ms: 'integer',
    span_id: 'text',
  }),
  // Lanes that are held or paused. When a lane is due follows from what is scheduled in it.
  table('holds', ['lane'], { lane: 'text', hold_until: 'integer', paused_at: 'integer' }),
  table('replays', ['id'], {
    id: 'text',
    state: 'text',
    kind: 'text',
    agent_id: 'text',
    error_class: 'text',
    since: 'integer',
    until: 'integer',
    created_at: 'integer',
    created_by: 'text',
    finished_at: 'integer',
    last_seq: 'integer',
    cursor: 'integer',
    total: 'integer',
    replayed: 'integer',
    skipped: 'integer',
  }),
  table('idempotency_keys', ['agent_id', 'key'], {
    agent_id: 'text',
    key: 'text',
    body_hash: 'text',
    task_id: 'text',
    created_at: 'integer',
  }),
  table('api_keys', ['name'], {
    name: 'text',
    scope: 'text',
    hash: 'text',
    prefix: 'text',
    created_at: 'integer',
    previous_hash: 'text',
    previous_until: 'integer',
  }),
  table('first_seen', ['name'], { name: 'text', value: 'text', seen_at: 'integer' }),
];

/** A schema's columns that are not carried under their own name; `table.column` or `table.*`. */
export interface Uncarried {
  /** Carried, but as a column of another table. */
  readonly elsewhere: Readonly<Record<string, string>>;
  /** Not carried, with the reason. */
  readonly dropped: Readonly<Record<string, string>>;
}

/** Values in the order of the table's columns. */
export type CarriedRow = readonly Value[];

/** Rows read and written at a time: whichever of the two is reached first bounds what is held in memory. */
export const BATCH_ROWS = 2_000;
export const BATCH_BYTES = 4 * 1024 * 1024;

/** A database that is read as a whole while no service runs on it, and not changed. */
export interface TransferSource {
  count(table: CarriedTable): Promise<number>;
  /** All rows in the order of the key, in batches. */
  read(table: CarriedTable): AsyncIterable<readonly CarriedRow[]>;
  close(): Promise<void>;
}

/** A database that is written as a whole, in one transaction: until `commit` nobody sees any of it. */
export interface TransferTarget extends TransferSource {
  /** Empties the tables, and takes rows from then on. */
  begin(): Promise<void>;
  write(table: CarriedTable, rows: readonly CarriedRow[]): Promise<void>;
  /** What follows from the rows: when lanes are due, which number comes next. Still in the transaction. */
  derive(): Promise<void>;
  commit(): Promise<void>;
  /** Without a commit before, nothing was written. */
  close(): Promise<void>;
}
