import { StoreUnavailableError } from '../store.ts';

/** Primary result codes that speak of the disk or the file, not of a bug: https://sqlite.org/rescode.html */
const UNAVAILABLE = new Set([
  5, // BUSY
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  11, // CORRUPT
  13, // FULL
  14, // CANTOPEN
]);

/** What callers see: an outage by its name, with the cause for the log; anything else as it is. */
export function asUnavailable(error: unknown, action: 'read' | 'write'): unknown {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== 'number' || !UNAVAILABLE.has(code & 0xff)) return error;
  return unavailable(`SQLite cannot ${action} (result code ${code})`, error);
}

export function unavailable(message: string, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(message, { cause });
}

type Reads<T> = {
  [K in keyof T]: T[K] extends (...given: never) => Promise<unknown> ? K : never;
}[keyof T];

/** These methods of a store, which read, with an outage by its name; writes have it from the group commit. */
export function reading<T extends object, K extends Reads<T>>(
  store: T,
  names: readonly K[],
): Pick<T, K> {
  const reads = names.map((name) => {
    const read = store[name] as (...given: unknown[]) => Promise<unknown>;
    const guarded = (...given: unknown[]) =>
      read(...given).catch((error: unknown) => {
        throw asUnavailable(error, 'read');
      });
    return [name, guarded] as const;
  });
  return Object.fromEntries(reads) as unknown as Pick<T, K>;
}
