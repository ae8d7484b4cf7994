import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/store/sqlite/database.ts';
import { LaneDepths } from '../../../src/store/sqlite/depths.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

function setup() {
  const database = openDatabase(join(tempDir(), 'agentkit.db'), 10);
  onTestFinished(() => database.close());
  const { db } = database;
  const insert = db.prepare(`
    INSERT INTO deliveries
      (id, kind, agent_id, lane, ordered, name, state, due_at, epoch, attempt_count, created_at)
    VALUES (?, 'task', 'a', ?, 0, 't', 'scheduled', 0, 0, 0, 0)`);
  let stored = 0;
  return {
    depths: new LaneDepths(db),
    store: (lane: string) => insert.run(String((stored += 1)), lane),
  };
}

it('is counted once, and kept up', () => {
  const { depths, store } = setup();
  store('a');
  store('a');
  expect(depths.of('a')).toBe(2);
  depths.committed();
  // Not told, so not counted: a count looks at every row that waits.
  store('a');
  depths.add('a', 1);
  depths.add('a', 1);
  depths.add('a', -1);
  expect(depths.of('a')).toBe(3);
});

it('is what it was after a transaction that did not happen, without another count', () => {
  const { depths, store } = setup();
  store('a');
  expect(depths.of('a')).toBe(1);
  depths.committed();
  depths.add('a', 1);
  depths.add('a', 1);
  store('a');
  depths.rolledBack();
  expect(depths.of('a')).toBe(1);
  depths.add('a', 1);
  depths.committed();
  depths.rolledBack();
  expect(depths.of('a')).toBe(2);
});

it('is forgotten when it was counted in a transaction that did not happen', () => {
  const { depths, store } = setup();
  store('a');
  expect(depths.of('a')).toBe(1);
  depths.rolledBack();
  store('a');
  expect(depths.of('a')).toBe(2);
});
