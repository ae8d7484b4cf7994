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

/** An error of SQLite as the domain knows it: a `StoreUnavailableError` when it speaks of the disk or the file. */
export function asUnavailable(error: unknown): unknown {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code === 'number' && UNAVAILABLE.has(code & 0xff)) {
    return unavailable(`SQLite cannot write (result code ${code})`, error);
  }
  if (error instanceof Error) return error;
  return new Error((error as { message: string }).message);
}

export function unavailable(message: string, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(message, { cause });
}
