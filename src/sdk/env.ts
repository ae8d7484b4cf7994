/** What the SDK takes from the environment; an empty variable counts as unset. */
export interface Environment {
  readonly agentkitUrl: string;
  readonly agentkitApiKey: string | undefined;
  readonly opscoreApiUrl: string | undefined;
  readonly opscoreApiKey: string | undefined;
}

/** Where the service listens when nothing is configured (contract section 7). */
export const DEFAULT_AGENTKIT_URL = 'http://127.0.0.1:8000';

/**
 * The only place of the SDK that reads the environment: AGENTKIT_URL, AGENTKIT_API_KEY, OPSCORE_API_URL,
 * OPSCORE_API_KEY. Read when a client or agent is made, not on import, so that dotenv may run first.
 */
export function readEnvironment(): Environment {
  return {
    agentkitUrl: variable('AGENTKIT_URL') ?? DEFAULT_AGENTKIT_URL,
    agentkitApiKey: variable('AGENTKIT_API_KEY'),
    opscoreApiUrl: variable('OPSCORE_API_URL'),
    opscoreApiKey: variable('OPSCORE_API_KEY'),
  };
}

function variable(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
}
