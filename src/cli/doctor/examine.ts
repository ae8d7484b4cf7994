import { isLoopback } from '../../config/config.ts';
import { apiBase } from '../../sdk/wire.ts';
import type { Whereabouts } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { databaseClockFinding } from './clock.ts';
import { checkConfiguration } from './configuration.ts';
import { checkDatabase } from './database.ts';
import { checkExposure } from './exposure.ts';
import type { Finding } from './finding.ts';
import { checkReports, checkWebhook } from './opscore.ts';
import { checkService } from './service.ts';

/**
 * Every check, in the order in which faults are best mended. Of a service on another machine only what can be seen from
 * here: its configuration and database are there.
 */
export async function examine(
  { env, version }: CliContext,
  where: Whereabouts,
): Promise<readonly Finding[]> {
  const hostname = apiBase('AGENTKIT_URL', where.url).hostname.replace(/^\[|\]$/g, '');
  if (!where.isOwn && !isLoopback(hostname)) {
    const { client, findings } = await checkService(where, version, undefined, false);
    return client === undefined
      ? findings
      : [...findings, ...(await checkWebhook(client, undefined))];
  }
  const { config, findings } = checkConfiguration(env);
  const database = await checkDatabase(config);
  const service = await checkService(where, version, config, database.inspection?.inUse ?? false);
  return [
    ...findings,
    checkExposure(config, database.inspection),
    ...database.findings,
    ...service.findings,
    ...(await checkWebhook(service.client, config)),
    await checkReports(config),
    ...databaseClockFinding(database.inspection),
  ];
}
