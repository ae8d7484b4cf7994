import { systemClock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { createPing } from '../../dispatcher/ping.ts';
import { configuredSecrets, createRedactor } from '../../dispatcher/redact.ts';
import { createHttpAgent, createSender } from '../../dispatcher/send.ts';
import { pingView } from '../../routes/delivery-views.ts';
import type { AgentKitClient } from '../../sdk/client.ts';
import type { WebhookPing } from '../../sdk/delivery-types.ts';
import type { AgentKitError } from '../../sdk/errors.ts';
import { sendRequest } from '../../sdk/http.ts';
import { adviceOf, isClockOff } from '../ping-advice.ts';
import { clockFinding } from './clock.ts';
import { fail, ok, skip, warn, type Finding } from './finding.ts';

/** Asks a service that runs for a ping, since it is what sends; without one pings as it would. */
export async function checkWebhook(
  client: AgentKitClient | undefined,
  config: Config | undefined,
): Promise<readonly Finding[]> {
  const own = () => (config?.webhook === undefined ? undefined : pingAsService(config));
  if (client === undefined) return judge(await own());
  try {
    const ping = await client.pingWebhook();
    const better = ping.ok ? undefined : await own();
    if (better?.ok !== true) return judge(ping);
    return [
      fail(
        'webhook',
        `what the running service sends does not arrive (${String(ping.statusCode ?? ping.errorClass)}), what is configured now does`,
        'restart the service: it has the OPSCORE_WEBHOOK_... of its start',
      ),
    ];
  } catch (error) {
    const { code } = error as AgentKitError;
    if (code === 'webhook_not_configured') {
      if (config?.webhook === undefined) return judge(undefined);
      const found = 'the running service has no OPSCORE_WEBHOOK_..., and now it is configured';
      return [fail('webhook', found, 'restart the service')];
    }
    if (code !== 'forbidden' && code !== 'unauthorized') throw error;
    if (config?.webhook !== undefined) return judge(await own());
    return [skip('webhook', 'not tried: only an admin key may have the service ping')];
  }
}

function judge(ping: WebhookPing | undefined): readonly Finding[] {
  if (ping === undefined) {
    return [
      warn(
        'webhook',
        'lifecycle webhooks are skipped: Ops-Core hears of no agent',
        'set OPSCORE_WEBHOOK_URL and OPSCORE_WEBHOOK_SECRET',
      ),
    ];
  }
  const { statusCode, durationMs } = ping;
  // The clock has a line of its own.
  if (!ping.ok && ping.outcome !== 'unauthorized') {
    return [advised('webhook', { ...ping, clockSkewSeconds: null }), clockFinding(ping)];
  }
  return [
    ok('webhook', `Ops-Core answers ${String(statusCode)} in ${durationMs} ms`),
    signatureFinding(ping),
    clockFinding(ping),
  ];
}

function signatureFinding(ping: WebhookPing): Finding {
  const { outcome, statusCode } = ping;
  if (outcome === 'accepted') return ok('signature', 'Ops-Core takes it');
  if (isClockOff(ping)) {
    return skip('signature', `refused (${String(statusCode)}), as a stale one is: the clock first`);
  }
  if (outcome === 'unauthorized') return advised('signature', ping);
  const found = `Ops-Core most likely takes it: ${String(statusCode)} is for the ping, which is no event`;
  return ok('signature', found);
}

function advised(check: Finding['check'], ping: WebhookPing): Finding {
  const { found, todo } = adviceOf(ping);
  return fail(check, found, todo);
}

/** As the service would, with the same code. */
async function pingAsService(config: Config): Promise<WebhookPing | undefined> {
  const { webhook, webhookTimeout, secretOverlap } = config;
  if (webhook === undefined) return undefined;
  const clock = systemClock();
  const http = createHttpAgent();
  const { previousSecret, switchAt } = webhook;
  const now = clock.wall();
  try {
    const ping = createPing({
      webhook,
      previousSecret:
        previousSecret === undefined
          ? null
          : { secret: previousSecret, until: now + secretOverlap, hexUntil: switchAt ?? now },
      timeoutMs: webhookTimeout,
      clock,
      sender: createSender(http, clock, createRedactor(configuredSecrets(config))),
    });
    return pingView(await ping());
  } finally {
    await http.close();
  }
}

const REACH_TIMEOUT_MS = 5_000;

/** Only whether somebody is there: a report that is no report could be taken for one. */
export async function checkReports({ opscoreApi }: Config): Promise<Finding> {
  if (opscoreApi === undefined) {
    return warn(
      'reports',
      'dead letters are not reported: Ops-Core would wait for their tasks for ever',
      'set OPSCORE_API_URL and OPSCORE_API_KEY',
    );
  }
  const outcome = await sendRequest({
    method: 'GET',
    url: new URL(opscoreApi.url),
    headers: {},
    timeoutMs: REACH_TIMEOUT_MS,
    maxBytes: 1_024,
  });
  if (outcome.kind === 'answer') {
    return ok('reports', 'somebody answers at OPSCORE_API_URL; the key was not tried');
  }
  const how = outcome.kind === 'network_error' ? outcome.detail : outcome.kind;
  return fail(
    'reports',
    `nobody answers at OPSCORE_API_URL (${how})`,
    'start Ops-Core, or put OPSCORE_API_URL right',
  );
}
