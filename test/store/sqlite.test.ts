import { onTestFinished } from 'vitest';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { describeStore } from './contract.ts';

describeStore(
  'SQLite',
  async () => {
    const path = join(tempDir(), 'agentkit.db');
    let current = openSqliteStore(path);
    onTestFinished(() => current.close());
    return {
      store: current,
      reopen: async () => {
        await current.close();
        current = openSqliteStore(path);
        return current;
      },
    };
  },
  { recover: true },
);
