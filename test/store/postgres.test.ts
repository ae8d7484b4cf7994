import { onTestFinished } from 'vitest';
import { openPostgres } from '../helpers/open-store.ts';
import { reusedDatabase } from '../helpers/reused-database.ts';
import { describeStore } from './contract.ts';

describeStore(
  'PostgreSQL',
  async () => {
    const url = await reusedDatabase();
    let { store } = await openPostgres(url);
    onTestFinished(() => store.close());
    return {
      store,
      reopen: async () => {
        await store.close();
        ({ store } = await openPostgres(url));
        return store;
      },
    };
  },
  { recover: false },
);
