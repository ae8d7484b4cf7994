import { onTestFinished } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres/store.ts';
import { emptyDatabase } from '../helpers/postgres.ts';
import { describeStore } from './contract.ts';

describeStore(
  'PostgreSQL',
  async () => {
    const url = await emptyDatabase();
    let { store } = await openPostgresStore(url);
    onTestFinished(() => store.close());
    return {
      store,
      reopen: async () => {
        await store.close();
        ({ store } = await openPostgresStore(url));
        return store;
      },
    };
  },
  { recover: false },
);
