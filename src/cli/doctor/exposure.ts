import { isLoopback, type Config } from '../../config/config.ts';
import type { Inspection } from '../../store/inspection.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

/** Who could do what: open mode is for one's own machine. */
export function checkExposure(config: Config, inspection: Inspection | undefined): Finding {
  const { host, apiKeys, allowAnonymous } = config;
  const keys = apiKeys.length + (inspection?.apiKeys ?? 0);
  if (isLoopback(host)) {
    const who = keys === 0 ? 'everybody on this machine may do everything (open mode)' : 'keys';
    return ok('exposure', `HOST is ${host}: this machine alone; ${who}`);
  }
  if (keys > 0) return ok('exposure', `HOST is ${host}, and there are ${keys} keys`);
  if (allowAnonymous) {
    return warn(
      'exposure',
      `HOST is ${host}, there is no key, and AGENTKIT_ALLOW_ANONYMOUS lets everybody do everything`,
      'set AGENTKIT_API_KEYS, and remove AGENTKIT_ALLOW_ANONYMOUS',
    );
  }
  return fail(
    'exposure',
    `keys are missing: HOST is ${host}, which others reach, and there is no key`,
    'set AGENTKIT_API_KEYS, with an admin key among them (openssl rand -hex 32 makes one)',
  );
}
