import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { LeasedDelivery } from '../outbox/delivery.ts';
import type { Prepare, Prepared, Sender, SendRequest } from '../outbox/sending.ts';
import { stateReportUrl } from '../report/state-report.ts';
import type { Agent } from '../store/store.ts';
import { signatureHeaders, signingSecrets, type PreviousSecret } from '../webhook/sign.ts';
import { headersOf } from './headers.ts';
import type { TraceHeaders } from './traceparent.ts';
import type { Tracing } from './tracing.ts';

interface Deps {
  readonly config: Config;
  readonly clock: Clock;
  /** For addresses that agents gave: guarded. */
  readonly agentSender: Sender;
  /** For the operator's own `OPSCORE_*` URLs: trusted. */
  readonly opscoreSender: Sender;
  readonly previousWebhookSecret: PreviousSecret | null;
  readonly tracing: Tracing;
  getAgent(agentId: string): Promise<Agent | undefined>;
}

/** A report may overtake REGISTER (contract section 5): for this long Ops-Core's 404 means "not yet". */
const EARLY_MS = 5 * 60_000;
const NOT_FOUND = new Set([404]);

/** Address, headers and signature of each kind of delivery; fresh at every attempt. */
export function createPrepare(deps: Deps): Prepare {
  const { config, clock, agentSender, opscoreSender, tracing } = deps;

  async function task(delivery: LeasedDelivery): Promise<Prepared> {
    // Looked up now, not when the task came: a moved agent gets its waiting tasks.
    const agent = await deps.getAgent(delivery.agentId);
    if (agent === undefined) return { outcome: 'agent_deregistered' };
    const at = clock.wall();
    const proof = signatureHeaders(
      signingSecrets(agent.signingSecret, agent.previousSecret, at),
      delivery.id,
      Math.floor(at / 1000),
      delivery.body,
    );
    const span = tracing.attempt(delivery, agent.contactEndpoint, at);
    return {
      outcome: 'send',
      sender: agentSender,
      schedule: config.taskRetrySchedule,
      span,
      request: {
        url: agent.contactEndpoint,
        headers: headersOf(delivery, delivery.attemptCount + 1, proof, span.headers),
        body: delivery.body,
        timeoutMs: config.dispatchTimeout,
        at,
      },
    };
  }

  function webhook(delivery: LeasedDelivery): Prepared {
    if (config.webhook === undefined) return { outcome: 'not_configured' };
    const at = clock.wall();
    const span = tracing.attempt(delivery, config.webhook.url, at);
    const { previousWebhookSecret } = deps;
    return {
      outcome: 'send',
      sender: opscoreSender,
      schedule: config.webhookRetrySchedule,
      span,
      request: {
        ...webhookRequest(config.webhook, previousWebhookSecret, delivery, at, span.headers),
        timeoutMs: config.webhookTimeout,
      },
    };
  }

  function stateReport(delivery: LeasedDelivery): Prepared {
    if (config.opscoreApi === undefined) return { outcome: 'not_configured' };
    const { url, key } = config.opscoreApi;
    const proof = { authorization: `Bearer ${key}` };
    const target = stateReportUrl(url, delivery.agentId);
    const at = clock.wall();
    const span = tracing.attempt(delivery, target, at);
    return {
      outcome: 'send',
      sender: opscoreSender,
      schedule: config.webhookRetrySchedule,
      span,
      ...(clock.now() - delivery.createdAt < EARLY_MS ? { retriedStatuses: NOT_FOUND } : {}),
      request: {
        url: target,
        headers: headersOf(delivery, delivery.attemptCount + 1, proof, span.headers),
        body: delivery.body,
        timeoutMs: config.webhookTimeout,
        at,
      },
    };
  }

  return async (delivery) => {
    switch (delivery.kind) {
      case 'task':
        return task(delivery);
      case 'webhook':
        return webhook(delivery);
      case 'state_report':
        return stateReport(delivery);
    }
  };
}

/** A signed request to Ops-Core's webhook. */
export function webhookRequest(
  { url, secret }: { readonly url: string; readonly secret: string },
  previousSecret: PreviousSecret | null,
  { id, body }: { readonly id: string; readonly body: Uint8Array },
  at: number,
  trace: TraceHeaders | null = null,
): Omit<SendRequest, 'timeoutMs'> {
  const secrets = signingSecrets(secret, previousSecret, at);
  const proof = signatureHeaders(secrets, id, Math.floor(at / 1000), body);
  return { url, headers: headersOf({ kind: 'webhook', id }, 1, proof, trace), body, at };
}
