import { randomBytes } from 'node:crypto';
import { isLoopback, type Environment } from '../../config/config.ts';
import { httpUrl, secret as apiKeyParser, webhookSecret } from '../../config/parse.ts';
import { newSigningSecret } from '../../webhook/sign.ts';

export interface ListenSettings {
  readonly port: number;
  readonly path: string;
  /** The first is the one that the service has to sign with. */
  readonly secrets: readonly string[];
  readonly apiKey: string;
  /** Somebody has to be told of the secret or the key: they were made here. */
  readonly isNew: boolean;
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
  const isHere = url !== undefined && isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
  const signing = webhookSecret.parse(given('OPSCORE_WEBHOOK_SECRET') ?? '');
  const previous = webhookSecret.parse(given('OPSCORE_WEBHOOK_SECRET_PREVIOUS') ?? '');
  const apiKey = apiKeyParser.parse(given('OPSCORE_API_KEY') ?? '');
  return {
    port: port ?? (isHere ? Number(url.port || 80) : DEFAULT_PORT),
    path: isHere ? url.pathname : DEFAULT_PATH,
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
