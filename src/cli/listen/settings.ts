import { randomBytes } from 'node:crypto';
import { isLoopback, type Environment } from '../../config/config.ts';
import { httpUrl, secret as apiKeyParser, webhookSecret } from '../../config/parse.ts';
import { newSigningSecret } from '../../webhook/sign.ts';
import { CliError, USAGE } from '../exit.ts';

export interface ListenSettings {
  readonly port: number;
  readonly path: string;
  /** The first is the one that the service has to sign with. */
  readonly secrets: readonly string[];
  readonly apiKey: string;
  /** Somebody has to be told of the secret or the key: they were made here. */
  readonly isNew: boolean;
}

/**
 * A service that is run for trying out would send here what waits for the Ops-Core that it is configured with, which
 * would never get it.
 * @throws CliError when that is another machine.
 */
export function refuseToIntercept(env: Environment): void {
  for (const name of ['OPSCORE_WEBHOOK_URL', 'OPSCORE_API_URL']) {
    const url = httpUrl.parse(env[name]?.trim() ?? '');
    if (url === undefined || isHere(new URL(url))) continue;
    throw new CliError(
      `--serve: ${name} leads to another machine, and what waits for that would be sent here; ` +
        'take another folder, or listen without it',
      USAGE,
    );
  }
}

function isHere({ hostname }: URL): boolean {
  return isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

const DEFAULT_PORT = 9100;
const DEFAULT_PATH = '/webhook';

/**
 * Where to listen, and with what to verify: as the service's environment has it, where its webhooks go to this machine;
 * what is missing is made up.
 */
export function listenSettings(env: Environment, port: number | undefined): ListenSettings {
  const given = (name: string) => {
    const text = env[name]?.trim() ?? '';
    return text === '' ? undefined : text;
  };
  const configured = httpUrl.parse(given('OPSCORE_WEBHOOK_URL') ?? '');
  const url = configured === undefined ? undefined : new URL(configured);
  const here = url !== undefined && isHere(url) ? url : undefined;
  const signing = webhookSecret.parse(given('OPSCORE_WEBHOOK_SECRET') ?? '');
  const previous = webhookSecret.parse(given('OPSCORE_WEBHOOK_SECRET_PREVIOUS') ?? '');
  const apiKey = apiKeyParser.parse(given('OPSCORE_API_KEY') ?? '');
  return {
    port: port ?? (here === undefined ? DEFAULT_PORT : Number(here.port || 80)),
    path: here?.pathname ?? DEFAULT_PATH,
    secrets: [signing ?? newSigningSecret(), ...(previous === undefined ? [] : [previous])],
    apiKey: apiKey ?? randomBytes(24).toString('base64url'),
    isNew: signing === undefined || apiKey === undefined,
  };
}

/** What a service has to be told to send here. */
export function environmentFor(
  { secrets, apiKey, path }: ListenSettings,
  url: string,
): Readonly<Record<string, string>> {
  return {
    OPSCORE_WEBHOOK_URL: url + path,
    OPSCORE_WEBHOOK_SECRET: secrets[0] ?? '',
    OPSCORE_API_URL: url,
    OPSCORE_API_KEY: apiKey,
  };
}
