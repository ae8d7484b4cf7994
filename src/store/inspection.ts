/** What can be seen of a database without changing anything in it but the write probe. */
export interface Inspection {
  /** There is a database of the service. */
  readonly exists: boolean;
  /** A service works on it, as far as that can be seen: SQLite's lock is held. Then it was not written to. */
  readonly inUse: boolean;
  /** Migrations that this version of the service knows and the database has not seen. */
  readonly missingMigrations: number;
  /** API keys in it; their presence ends open mode. */
  readonly apiKeys: number;
  /** Whether AGENTKIT_ENCRYPTION_KEY opens the secrets in it. */
  readonly secretsOpen: boolean;
  /** Bytes that are free where it lies; undefined for a database elsewhere. */
  readonly freeBytes: number | undefined;
  /** What its own clock says ahead of ours, in milliseconds; undefined where it has none. */
  readonly clockSkewMs: number | undefined;
}

/** Secrets that are tried: one key sealed them all, or two of them during a rotation. */
export const SECRETS_TRIED = 1_000;

/** Of a database that is yet to be made. */
export const NOTHING_THERE: Inspection = {
  exists: false,
  inUse: false,
  missingMigrations: 0,
  apiKeys: 0,
  secretsOpen: true,
  freeBytes: undefined,
  clockSkewMs: undefined,
};
