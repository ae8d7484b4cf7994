import { join } from 'node:path';
import { StatementSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { openSqlite } from '../../helpers/open-store.ts';

/** SQLITE_IOERR_READ: https://sqlite.org/rescode.html#ioerr_read */
const IOERR_READ = 266;

it('a disk that cannot be read is an outage, and no bug, to whoever reads', async () => {
  const store = openSqlite(join(tempDir(), 'agentkit.db'));
  onTestFinished(() => store.close());
  const fail = () => {
    throw Object.assign(new Error('disk I/O error'), { errcode: IOERR_READ });
  };
  for (const method of ['get', 'all'] as const) {
    vi.spyOn(StatementSync.prototype, method).mockImplementation(fail);
  }
  const page = { limit: 10, after: null };
  const { agents, tasks, keys } = store;
  const reads = {
    'agents.get': agents.get('a'),
    'agents.list': agents.list({}, page),
    'agents.findByTokenHash': agents.findByTokenHash('h', 0),
    'agents.listExpired': agents.listExpired(0, 10),
    'agents.listOfflineSince': agents.listOfflineSince(0, 10),
    'agents.nextExpiryAt': agents.nextExpiryAt(0),
    'agents.listEvents': agents.listEvents(0, 10),
    'agents.lastEvent': agents.lastEvent(),
    'agents.listDeregistering': agents.listDeregistering(),
    'tasks.get': tasks.get('t'),
    'tasks.listOfAgent': tasks.listOfAgent('a', { limit: 10, before: null }),
    'keys.list': keys.list(),
    'keys.findByHash': keys.findByHash('h', 0),
  };
  for (const [name, read] of Object.entries(reads)) {
    await expect(read, name).rejects.toBeInstanceOf(StoreUnavailableError);
  }
});
