import { putThrough } from './recording.ts';

const SECRETS = [
  'OPSCORE_WEBHOOK_SECRET',
  'OPSCORE_WEBHOOK_SECRET_PREVIOUS',
  'OPSCORE_API_KEY',
  'AGENTKIT_API_KEY',
];
const HEADERS = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'];
const LISTS = ['AGENTKIT_API_KEYS', 'AGENTKIT_ENCRYPTION_KEY'];
const URLS = ['DATABASE_URL', 'OPSCORE_WEBHOOK_URL', 'OPSCORE_API_URL', 'AGENTKIT_URL'];

/** The secrets among the environment variables of the service and the SDK, by the names of their variables. */
export function secretsIn(
  env: Readonly<Record<string, string | undefined>>,
): { readonly kind: string; readonly value: string }[] {
  const found = [
    ...SECRETS.map((kind) => ({ kind, value: env[kind]?.trim() ?? '' })),
    // name:scope:key, or a key alone; a key may have colons in it.
    ...LISTS.flatMap((kind) =>
      (env[kind] ?? '').split(',').map((entry) => ({
        kind,
        value: entry.trim().replace(/^[^:]*:[^:]*:/, ''),
      })),
    ),
    // key=value, the values as headers have them.
    ...HEADERS.flatMap((kind) =>
      (env[kind] ?? '').split(',').map((entry) => ({
        kind,
        value: decodeURIComponent(entry.replace(/^[^=]*=/, '').trim()),
      })),
    ),
    ...URLS.flatMap((kind) => {
      const userinfo = /^[a-z][a-z0-9+.-]*:\/\/([^/]*)@/i.exec(env[kind] ?? '')?.[1] ?? '';
      const parameter = /[?&]password=([^&#]*)/.exec(env[kind] ?? '')?.[1] ?? '';
      const values = [userinfo.replace(/^[^:]*:/, ''), parameter];
      return values.map((value) => ({ kind: `the password in ${kind}`, value }));
    }),
  ];
  return found.filter(({ value }) => value !== '');
}

/** Registers what a process was configured with. */
export function registerSecretsOf(env: Readonly<Record<string, string | undefined>>): void {
  for (const { kind, value } of secretsIn(env)) putThrough(kind, value);
}
