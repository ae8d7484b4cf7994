import { StoreUnavailableError, type Store } from '../store/store.ts';
import type { Metrics } from './metrics.ts';
import type { Distribution, Tally } from './series.ts';

/** Parts of a store whose methods are calls of the database. */
const PARTS = ['agents', 'outbox', 'tasks', 'deliveries', 'replays', 'keys'] as const;

type Call = (...given: unknown[]) => Promise<unknown>;

/** The same store, with the time of each call noted. A call that is not a promise's is none. */
export function observedStore(store: Store, metrics: Metrics): Store {
  const observe = (operation: string, call: Call): Call => {
    // Made at the first call: most operations are rare, and a series costs the scraper a dozen lines.
    let times: Distribution | undefined;
    let errors: Tally | undefined;
    return (...given) => {
      const start = performance.now();
      const result = call(...given);
      result.then(
        () => {
          times ??= metrics.storeTimes.of(operation);
          times.observe((performance.now() - start) / 1000);
        },
        (error: unknown) => {
          // What the domain throws inside a transaction is an answer.
          if (!(error instanceof StoreUnavailableError)) return;
          errors ??= metrics.storeErrors.of(operation);
          errors.inc();
        },
      );
      return result;
    };
  };
  const observed = Object.fromEntries(
    PARTS.map((part) => [
      part,
      Object.fromEntries(
        Object.entries(store[part] as unknown as Record<string, Call>).map(([name, call]) => [
          name,
          observe(`${part}.${name}`, call.bind(store[part])),
        ]),
      ),
    ]),
  );
  return {
    ...store,
    ...(observed as unknown as Pick<Store, (typeof PARTS)[number]>),
    backlog: observe('backlog', (limit) => store.backlog(limit as number)) as Store['backlog'],
    check: observe('check', store.check) as Store['check'],
  };
}
