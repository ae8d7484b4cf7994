import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string>>;

export interface Secrets {
  readonly webhookSecret: string;
  readonly opscoreApiKey: string;
  readonly dispatchKey: string;
  readonly registerKey: string;
  readonly readKey: string;
}

/** New ones every time: a demo that knew them by heart would be copied with them. */
export function newSecrets(): Secrets {
  const key = (): string => randomBytes(32).toString('hex');
  return {
    webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
    opscoreApiKey: key(),
    dispatchKey: key(),
    registerKey: key(),
    readKey: key(),
  };
}

export function opscoreEnvironment(secrets: Secrets): Environment {
  return {
    PORT: '0',
    OPSCORE_WEBHOOK_SECRET: secrets.webhookSecret,
    OPSCORE_API_KEY: secrets.opscoreApiKey,
    AGENTKIT_API_KEY: secrets.dispatchKey,
    ...overrides('OPSCORE'),
  };
}

export function serviceEnvironment(
  secrets: Secrets,
  opscore: { readonly webhookUrl: string; readonly apiUrl: string },
  dir: string,
): Environment {
  return {
    PORT: '0',
    DATABASE_URL: `sqlite:${join(dir, 'agentkit.db')}`,
    OPSCORE_WEBHOOK_URL: opscore.webhookUrl,
    OPSCORE_WEBHOOK_SECRET: secrets.webhookSecret,
    OPSCORE_API_URL: opscore.apiUrl,
    OPSCORE_API_KEY: secrets.opscoreApiKey,
    // A key for each: what one may do the other may not.
    AGENTKIT_API_KEYS: [
      `opscore:dispatch:${secrets.dispatchKey}`,
      `agents:register:${secrets.registerKey}`,
      `demo:read:${secrets.readKey}`,
    ].join(','),
    ...overrides('SERVICE'),
  };
}

export function agentEnvironment(
  secrets: Secrets,
  opscore: { readonly apiUrl: string },
  serviceUrl: string,
): Environment {
  return {
    AGENTKIT_URL: serviceUrl,
    AGENTKIT_API_KEY: secrets.registerKey,
    OPSCORE_API_URL: opscore.apiUrl,
    OPSCORE_API_KEY: secrets.opscoreApiKey,
    ...overrides('AGENT'),
  };
}

/** Whatever must not be printed: ours, and what was given to one of the processes by hand. */
export function secretValues(secrets: Secrets): string[] {
  const given = Object.entries(process.env).filter(
    ([name]) => name.startsWith('DEMO_') && /SECRET|KEY/.test(name),
  );
  return [...Object.values<string>({ ...secrets }), ...given.map(([, value]) => value ?? '')];
}

/** DEMO_AGENT_X=y sets X=y for the agent alone: what does a wrong setting look like? */
function overrides(of: 'OPSCORE' | 'SERVICE' | 'AGENT'): Environment {
  const prefix = `DEMO_${of}_`;
  const given = Object.entries(process.env).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(given.map(([name, value]) => [name.slice(prefix.length), value ?? '']));
}
