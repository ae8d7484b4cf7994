import type { ReplayFilter, ReplayStore } from '../delivery-store.ts';
import { toReplay } from '../delivery-rows.ts';
import { sql, type Database, type Row, type Transaction, type Value } from './database.ts';
import type { LaneDepths } from './depths.ts';
import type { Tell } from './hints.ts';
import { Numbered } from './numbered.ts';
import { ENDED, reschedule } from './reschedule.ts';

/** Dead letters that one step looks at; 5,000 take some 15 ms. */
const LOOK = 5_000;

const select = sql('replays_get', 'SELECT * FROM replays WHERE id = $1');
const lock = sql('replays_lock', 'SELECT * FROM replays WHERE id = $1 FOR UPDATE');
const list = sql(
  'replays_list',
  'SELECT * FROM replays WHERE ($1::text IS NULL OR id < $1) ORDER BY id DESC LIMIT $2',
);
const running = sql('replays_running', "SELECT * FROM replays WHERE state = 'running' ORDER BY id");
const insert = sql(
  'replays_insert',
  `INSERT INTO replays (id, state, kind, agent_id, error_class, since, until, created_at, created_by,
    last_seq, cursor, total, replayed, skipped)
  VALUES ($1, 'running', $2, $3, $4, $5, $6, $7, $8, coalesce((SELECT max(seq) FROM deliveries), 0), 0, $9, 0, 0)
  RETURNING *`,
);
const proceed = sql(
  'replays_proceed',
  `UPDATE replays SET state = $2, finished_at = $3, cursor = $4, replayed = replayed + $5, skipped = skipped + $6
  WHERE id = $1 RETURNING *`,
);
const cancel = sql(
  'replays_cancel',
  `UPDATE replays SET state = 'cancelled', finished_at = $2 WHERE id = $1 AND state = 'running' RETURNING id`,
);
const prune = sql(
  'replays_prune',
  `DELETE FROM replays WHERE id IN (SELECT id FROM replays WHERE finished_at < $1 ORDER BY id LIMIT $2) RETURNING id`,
);

interface Deps {
  readonly db: Database;
  readonly depths: LaneDepths;
  readonly tell: Tell;
}

export function createReplayStore({ db, depths, tell }: Deps): ReplayStore {
  const statements = new Numbered('replays_dead');

  /** Up to `limit` dead letters that fit, locked, and from where on the next are looked for; null = at the end of all. */
  async function turn(
    tx: Transaction,
    row: Row,
    limit: number,
  ): Promise<{ readonly rows: Row[]; readonly end: number | null }> {
    const { looked, fits } = deadLetters(
      toReplay(row).filter,
      row['cursor'] as number,
      row['created_at'] as number,
    );
    const rows = await statements.run(tx, {
      text: `WITH looked AS MATERIALIZED (${looked.text})
        SELECT ${ENDED} FROM looked l JOIN deliveries d ON d.seq = l.seq JOIN payloads p ON p.seq = d.seq
        WHERE d.state = 'dead' AND ${fits.text} AND d.seq <= ? ORDER BY l.seq LIMIT ? FOR NO KEY UPDATE OF d`,
      values: [...looked.values, ...fits.values, row['last_seq'] as number, limit],
    });
    if (rows.length === limit) return { rows, end: rows.at(-1)?.['seq'] as number };
    const [last] = await statements.run(tx, {
      text: `SELECT seq FROM (${looked.text}) l OFFSET ${LOOK - 1}`,
      values: looked.values,
    });
    return { rows, end: (last?.['seq'] as number | undefined) ?? null };
  }

  async function stepInside(tx: Transaction, id: string, now: number, limit: number) {
    const [row] = await tx.query(lock, [id]);
    if (row?.['state'] !== 'running') return undefined;
    const { rows, end } = await turn(tx, row, limit);
    const judged = await reschedule(tx, rows, now);
    const busy = judged.indexOf('busy');
    const replayed = judged.filter((outcome) => outcome === 'scheduled').length;
    // From the first that is busy on, those that are still dead letters have their turn again.
    const settled = busy === -1 ? judged : judged.slice(0, busy);
    const skipped = settled.filter((outcome) => outcome !== 'scheduled').length;
    const done = end === null && busy === -1;
    const cursor =
      busy === -1 ? (end ?? (row['last_seq'] as number)) : (rows[busy]?.['seq'] as number) - 1;
    const state = done ? 'done' : 'running';
    const [after] = await tx.commit(
      tx.query(proceed, [id, state, done ? now : null, cursor, replayed, skipped]),
    );
    return {
      replay: toReplay(after[0] as Row),
      waiting: busy !== -1 && replayed === 0,
      lanes: rows.flatMap((letter, index) =>
        judged[index] === 'scheduled' ? [letter['lane'] as string] : [],
      ),
    };
  }

  return {
    count: async (filter, { diedBefore, after }) => {
      const { looked, fits } = deadLetters(filter, Number(after ?? 0), diedBefore);
      const [row] = await statements.run(db, {
        text: `WITH looked AS MATERIALIZED (${looked.text})
          SELECT count(*) FILTER (WHERE ${fits.text}) AS matched, count(*) AS looked, max(l.seq) AS last
          FROM looked l JOIN deliveries d ON d.seq = l.seq`,
        values: [...looked.values, ...fits.values],
      });
      const more = row?.['looked'] === LOOK;
      return { matched: row?.['matched'] as number, cursor: more ? String(row['last']) : null };
    },

    insert: async ({ id, filter, createdAt, createdBy, total }) => {
      const { kind, agentId, errorClass, since, until } = filter;
      const given = [kind, agentId, errorClass, since, until].map((value) => value ?? null);
      const [row] = await db.write(insert, [id, ...given, createdAt, createdBy, total]);
      return toReplay(row as Row);
    },

    get: async (id) => (await db.read(select, [id])).map(toReplay)[0],

    list: async ({ limit, before }) => {
      const rows = await db.read(list, [before, limit + 1]);
      const items = rows.slice(0, limit).map(toReplay);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },

    listRunning: async () => (await db.read(running)).map(toReplay),

    step: async (id, { now, limit }) => {
      const stepped = await db.transaction((tx) => stepInside(tx, id, now, limit));
      if (stepped === undefined) return undefined;
      const { lanes, ...step } = stepped;
      for (const lane of lanes) depths.add(lane, 1);
      if (lanes.length > 0) tell('due', '');
      return step;
    },

    cancel: async (id, at) => {
      if ((await db.write(cancel, [id, at])).length > 0) return 'cancelled';
      const [row] = await db.read(select, [id]);
      if (row === undefined) return 'not_found';
      return row['state'] === 'done' ? 'finished' : 'cancelled';
    },

    prune: async (before, limit) => (await db.write(prune, [before, limit])).length,
  };
}

/** The dead letters after `after`, in the order of their acceptance, and what is asked of each delivery `d`. */
function deadLetters(filter: ReplayFilter, after: number, diedBefore: number) {
  const ofAgent = filter.agentId === undefined ? [] : [filter.agentId];
  const where = ofAgent.length === 0 ? "state = 'dead'" : "agent_id = ? AND state = 'dead'";
  const conditions: [string, Value | undefined][] = [
    ['d.finished_at <= ?', diedBefore],
    ['d.kind = ?', filter.kind],
    ['l.error_class = ?', filter.errorClass],
    ['d.created_at >= ?', filter.since],
    ['d.created_at < ?', filter.until],
  ];
  const asked = conditions.filter(([, value]) => value !== undefined);
  return {
    looked: {
      text: `SELECT seq, error_class FROM undelivered WHERE ${where} AND seq > ? ORDER BY seq LIMIT ${LOOK}`,
      values: [...ofAgent, after],
    },
    fits: {
      text: asked.map(([condition]) => condition).join(' AND '),
      values: asked.map(([, value]) => value as Value),
    },
  };
}
