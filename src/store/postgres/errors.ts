import { StoreUnavailableError } from '../store.ts';

interface PostgresError extends Error {
  readonly code?: string;
  readonly constraint?: string;
  readonly routine?: string;
}

/** Network errors, and what the driver says without a code when a connection went away. */
const NETWORK_CODES =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)/;
const NETWORK_MESSAGES =
  /Connection terminated|connection error and is not queryable|Client was closed|timeout exceeded|timeout expired|Query read timeout|Cannot use a pool/;

/**
 * SQLSTATEs that speak of the connection, the disk or the operator and not of a bug: 08 connection, 53 resources (disk
 * full, memory, connections), 57 shutdown and timeouts, 58 system, 25006 read only (a standby after a failover),
 * 25P03/25P04 timeouts of transactions, 55P03 a lock that did not come free, 28 and 3D a database being set up,
 * XX001/2 corruption. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNAVAILABLE = /^(08|53|57|58|28|3D|25006|25P03|25P04|55P03|XX001|XX002)/;

/** Deadlock and serialisation failures: the transaction did not happen and may be tried again. */
const CONFLICT = /^(40P01|40001)$/;

/** A prepared statement that is not there, or is there already: behind a pooler that moves us between sessions. */
const LOST_STATEMENT = /^(26000|42P05)$/;

const codeOf = (error: unknown): string => (error as PostgresError | null)?.code ?? '';

export function isConflict(error: unknown): boolean {
  return CONFLICT.test(codeOf(error));
}

export function isLostStatement(error: unknown): boolean {
  return LOST_STATEMENT.test(codeOf(error));
}

/**
 * A prepared statement whose columns a newer version's migration changed. Its session refuses it from then on, so the
 * session is of no more use; in a new one it is prepared anew. By the routine, since the code is a general one
 * (0A000) and the message is translated.
 */
export function isStalePlan(error: unknown): boolean {
  return (error as PostgresError | null)?.routine === 'RevalidateCachedQuery';
}

/** A lock did not come free within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === '55P03';
}

/** Whether a unique constraint refused it. */
export function isTaken(error: unknown, constraint: string): boolean {
  return codeOf(error) === '23505' && (error as PostgresError).constraint === constraint;
}

/** The session is of no more use; its transaction may or may not have been committed. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  if (NETWORK_CODES.test(code) || /^(08|57P0)/.test(code)) return true;
  return code === '' && NETWORK_MESSAGES.test((error as Error | null)?.message ?? '');
}

/**
 * Nothing came back in time: what the driver says of it, and the system. The last is of one who waited for a connection
 * to come free, which shows silence where none of the others has heard anything meanwhile (silence.ts).
 */
const SILENCE_MESSAGES =
  /^(Query read timeout|Connection terminated due to connection timeout|timeout expired|timeout exceeded when trying to connect)$/;
const SILENCE_CODES = /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;

/** Whether nothing at all was heard of the database. */
export function isSilence(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== '') return SILENCE_CODES.test(code);
  return SILENCE_MESSAGES.test((error as Error | null)?.message ?? '');
}

/** Whether the database, or the machine that it should be on, said no. */
export function isRefusal(error: unknown): boolean {
  return codeOf(error) !== '' && !isSilence(error);
}

/** What callers see: an outage by its name, with the cause for the log; anything else as it is. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof StoreUnavailableError) return error;
  const outage = isConnectionLost(error) || isConflict(error) || UNAVAILABLE.test(codeOf(error));
  if (!outage) return error;
  const code = codeOf(error);
  return new StoreUnavailableError(
    `PostgreSQL is not available (${code === '' ? 'connection lost' : code}): ${(error as Error).message}`,
    { cause: error },
  );
}
