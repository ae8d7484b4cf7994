import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { ReplayFilter, ReplayStore } from '../delivery-store.ts';
import { toReplay } from '../delivery-rows.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Retry } from './retry.ts';
import { createStatements } from './statements.ts';

type Row = Record<string, unknown>;

/** Dead letters that one step looks at; 5,000 take some 5 ms. */
const LOOK = 5_000;

export function createReplayStore(
  db: DatabaseSync,
  commit: GroupCommit,
  retry: Retry,
): ReplayStore {
  const statement = createStatements(db);
  const select = db.prepare('SELECT * FROM replays WHERE id = ?');
  const list = db.prepare('SELECT * FROM replays WHERE id < ? ORDER BY id DESC LIMIT ?');
  const running = db.prepare("SELECT * FROM replays WHERE state = 'running' ORDER BY id");
  const insert = db.prepare(`
    INSERT INTO replays (id, state, kind, agent_id, error_class, since, until, created_at, created_by,
      last_seq, cursor, total, replayed, skipped)
    VALUES (?, 'running', ?, ?, ?, ?, ?, ?, ?, coalesce((SELECT max(seq) FROM deliveries), 0), 0, ?, 0, 0)
    RETURNING *`);
  const proceed = db.prepare(`
    UPDATE replays SET state = ?, finished_at = ?, cursor = ?, replayed = replayed + ?, skipped = skipped + ?
    WHERE id = ? RETURNING *`);
  const cancel = db.prepare("UPDATE replays SET state = 'cancelled', finished_at = ? WHERE id = ?");
  const prune = db.prepare(`
    DELETE FROM replays WHERE id IN (
      SELECT id FROM replays WHERE finished_at < ? ORDER BY id LIMIT ?)`);

  /** The dead letters after `after`, in the order of their acceptance, each with whether it `fits`. */
  function deadLetters(filter: ReplayFilter, after: number, diedBefore: number) {
    const ofAgent = filter.agentId === undefined ? [] : [filter.agentId];
    const from =
      ofAgent.length === 0
        ? "failures INDEXED BY failures_state WHERE state = 'dead'"
        : "failures INDEXED BY failures_of_agent WHERE state = 'dead' AND agent_id = ?";
    const conditions: [string, SQLInputValue | undefined][] = [
      ['d.finished_at <= ?', diedBefore],
      ['d.kind = ?', filter.kind],
      ['c.error_class = ?', filter.errorClass],
      ['d.created_at >= ?', filter.since],
      ['d.created_at < ?', filter.until],
    ];
    const asked = conditions.filter(([, value]) => value !== undefined);
    return {
      fits: asked.map(([condition]) => condition).join(' AND '),
      fitsValues: asked.map(([, value]) => value as SQLInputValue),
      looked: `SELECT seq, error_class FROM ${from} AND seq > ? ORDER BY seq LIMIT ${LOOK}`,
      lookedValues: [...ofAgent, after],
    };
  }

  /** Where the look from `after` ends; null = at the end of all. */
  function endOfLook({ looked, lookedValues }: ReturnType<typeof deadLetters>): number | null {
    const row = statement(`${looked} OFFSET ${LOOK - 1}`).get(...lookedValues);
    return (row?.['seq'] as number | undefined) ?? null;
  }

  /** Up to `limit` that fit, and from where on the next are looked for. */
  function turn(row: Row, limit: number): { readonly rows: Row[]; readonly end: number | null } {
    const letters = deadLetters(
      toReplay(row).filter,
      row['cursor'] as number,
      row['created_at'] as number,
    );
    const rows =
      statement(`SELECT d.* FROM (${letters.looked}) AS c CROSS JOIN deliveries AS d ON d.seq = c.seq
        WHERE ${letters.fits} AND d.seq <= ? LIMIT ?`).all(
        ...letters.lookedValues,
        ...letters.fitsValues,
        row['last_seq'] as number,
        limit,
      );
    const full = rows.length === limit;
    return { rows, end: full ? (rows.at(-1)?.['seq'] as number) : endOfLook(letters) };
  }

  return {
    count: async (filter, { diedBefore, after }) => {
      const letters = deadLetters(filter, Number(after ?? 0), diedBefore);
      const row =
        statement(`SELECT coalesce(sum(fits), 0) AS matched, count(*) AS looked, max(seq) AS last
          FROM (SELECT c.seq, ${letters.fits} AS fits
            FROM (${letters.looked}) AS c CROSS JOIN deliveries AS d ON d.seq = c.seq)`).get(
          ...letters.fitsValues,
          ...letters.lookedValues,
        );
      const more = row?.['looked'] === LOOK;
      return {
        matched: row?.['matched'] as number,
        cursor: more ? String(row['last']) : null,
      };
    },

    insert: ({ id, filter, createdAt, createdBy, total }) =>
      commit.run(() => {
        const { kind, agentId, errorClass, since, until } = filter;
        const given = [kind, agentId, errorClass, since, until].map((value) => value ?? null);
        return toReplay(insert.get(id, ...given, createdAt, createdBy, total) as Row);
      }),

    get: async (id) => {
      const row = select.get(id);
      return row === undefined ? undefined : toReplay(row);
    },

    list: async ({ limit, before }) => {
      const rows = list.all(before ?? LAST_ID, limit + 1);
      const items = rows.slice(0, limit).map(toReplay);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },

    listRunning: async () => running.all().map(toReplay),

    step: (id, { now, limit }) =>
      commit.run(() => {
        const row = select.get(id);
        if (row?.['state'] !== 'running') return undefined;
        const { rows, end } = turn(row, limit);
        const told = new Map<string, number>();
        let [replayed, skipped] = [0, 0];
        /** From here on those that are still dead letters have their turn again. */
        let busy: number | undefined;
        for (const letter of rows) {
          const outcome = retry(letter, now, false, told);
          if (outcome === 'scheduled') replayed += 1;
          else if (outcome === 'busy') busy ??= letter['seq'] as number;
          else if (busy === undefined) skipped += 1;
        }
        const done = end === null && busy === undefined;
        const cursor = busy === undefined ? (end ?? (row['last_seq'] as number)) : busy - 1;
        const state = done ? 'done' : 'running';
        const after = proceed.get(state, done ? now : null, cursor, replayed, skipped, id) as Row;
        return { replay: toReplay(after), waiting: busy !== undefined && replayed === 0 };
      }),

    cancel: (id, at) =>
      commit.run(() => {
        const row = select.get(id);
        if (row === undefined) return 'not_found';
        if (row['state'] === 'running') cancel.run(at, id);
        return row['state'] === 'done' ? 'finished' : 'cancelled';
      }),

    prune: (before, limit) => commit.run(() => Number(prune.run(before, limit).changes)),
  };
}

/** After every id in the order of texts. */
const LAST_ID = 'g';
