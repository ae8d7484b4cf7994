import type { Command } from 'commander';
import type { Environment } from '../config/config.ts';
import { apiKeys, host, port } from '../config/parse.ts';
import { variables } from '../config/variables.ts';
import { AgentKitClient } from '../sdk/client.ts';
import type { AgentKitError } from '../sdk/errors.ts';
import type { CliContext } from './context.ts';

export interface ServiceOptions {
  readonly url?: string;
  readonly json?: true;
}

/** The options of every command that asks the service. */
export function asksService(command: Command): Command {
  return command
    .option('--url <url>', 'where the service is; AGENTKIT_URL unless said')
    .option('--json', 'the data as JSON');
}

export interface Whereabouts {
  readonly url: string;
  /** Undefined: none is shown, which open mode takes. */
  readonly apiKey: string | undefined;
  /** It is the one of this environment and its .env: nobody named another. */
  readonly isOwn: boolean;
}

/**
 * Which service to ask, and with which key: `--url`, else AGENTKIT_URL, else where HOST and PORT have it listen. The
 * key is AGENTKIT_API_KEY; beside the service, whose environment has all keys, an admin's of AGENTKIT_API_KEYS, which
 * is shown to no other address.
 */
export function whereabouts(env: Environment, given?: string): Whereabouts {
  const named = given ?? setting(env, 'AGENTKIT_URL');
  const key = setting(env, 'AGENTKIT_API_KEY');
  const own = ownUrl(env);
  const isOwn = named === undefined || originOf(named) === own;
  return { url: named ?? own, apiKey: key ?? (isOwn ? adminKey(env) : undefined), isOwn };
}

function setting(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** Where HOST and PORT have the service listen; what cannot be read there is said by the service itself, and doctor. */
export function ownUrl(env: Environment): string {
  const listening = host.parse(setting(env, 'HOST') ?? variables.HOST.fallback);
  const everywhere = listening === undefined || /^(0\.0\.0\.0|::)$/.test(listening);
  const name = everywhere ? variables.HOST.fallback : listening;
  const number = port.parse(setting(env, 'PORT') ?? '') ?? 0;
  // With PORT=0 only the service's log says where it is.
  const known = number === 0 ? variables.PORT.fallback : String(number);
  return `http://${name.includes(':') ? `[${name}]` : name}:${known}`;
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function adminKey(env: Environment): string | undefined {
  const keys = apiKeys.parse(setting(env, 'AGENTKIT_API_KEYS') ?? '') ?? [];
  return keys.find(({ scope }) => scope === 'admin')?.key;
}

/** The SDK's client for the service that the command line and the environment name. */
export function connect({ env }: CliContext, { url }: ServiceOptions): AgentKitClient {
  const where = whereabouts(env, url);
  return new AgentKitClient({ baseUrl: where.url, apiKey: where.apiKey });
}

const ADVICE: Readonly<Record<string, string>> = {
  network_error: 'Is the service running? Where it is, AGENTKIT_URL or --url says.',
  unauthorized: 'AGENTKIT_API_KEY holds the key that is shown.',
  forbidden: "AGENTKIT_API_KEY needs a key with another scope; an admin's may do everything.",
};

/** What went wrong, and what to do about it, in one line. */
export function explain({ code, message }: AgentKitError): string {
  const said = message.replace(/^[A-Z]+ \/\S*: /, '');
  const advice = ADVICE[code];
  return advice === undefined ? said : `${said} ${advice}`;
}
