import { onTestFinished } from 'vitest';
import { join } from 'node:path';
import { openSqlite } from '../helpers/open-store.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { describeStore } from './contract.ts';

describeStore(
  'SQLite',
  async () => {
    const path = join(tempDir(), 'agentkit.db');
    let current = openSqlite(path);
    onTestFinished(() => current.close());
    return {
      store: current,
      reopen: async () => {
        await current.close();
        current = openSqlite(path);
        return current;
      },
    };
  },
  { recover: true },
);
