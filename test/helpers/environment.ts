import { secretsIn } from '../leaks/environment.ts';
import { exemptDatabase } from '../leaks/exempt.ts';
import { isPutThrough } from '../leaks/recording.ts';
import { ENCRYPTION_KEY } from './secrets.ts';

export type Environment = Readonly<Record<string, string>>;

/**
 * What a service of a test is told: what the test says, and the encryption key. A test about running without one says
 * `AGENTKIT_ENCRYPTION_KEY: ''`, and what its database holds is not searched for secrets.
 * @param database where a database lies that DATABASE_URL does not name.
 * @throws Error for a secret that was not made by helpers/secrets.ts: it could not be sought.
 */
export function serviceEnvironment<T extends Readonly<Record<string, string | undefined>>>(
  env: T,
  database?: string,
): T & { readonly AGENTKIT_ENCRYPTION_KEY: string } {
  const all = { AGENTKIT_ENCRYPTION_KEY: ENCRYPTION_KEY, ...env };
  for (const { kind, value } of secretsIn(all)) {
    if (isPutThrough(value)) continue;
    throw new Error(`${kind}: a secret of a test is made by test/helpers/secrets.ts`);
  }
  if (all['AGENTKIT_ENCRYPTION_KEY'] === '') {
    for (const where of [database, all['DATABASE_URL']?.replace(/^sqlite:/, '')]) {
      if (where !== undefined) exemptDatabase(where);
    }
  }
  return all;
}
