import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { LeasedDelivery } from '../outbox/delivery.ts';
import type { Prepare, Prepared, Sender } from '../outbox/sending.ts';
import { stateReportUrl } from '../report/state-report.ts';
import type { Agent } from '../store/store.ts';
import { signatureHeaders, signingSecrets, type PreviousSecret } from '../webhook/sign.ts';
import { attemptTraceparent } from './traceparent.ts';

interface Deps {
  readonly config: Config;
  readonly clock: Clock;
  /** For addresses that agents gave: guarded. */
  readonly agentSender: Sender;
  /** For the operator's own `OPSCORE_*` URLs: trusted. */
  readonly opscoreSender: Sender;
  readonly previousWebhookSecret: PreviousSecret | null;
  getAgent(agentId: string): Promise<Agent | undefined>;
}

/** A report may overtake REGISTER (contract section 5): for this long Ops-Core's 404 means "not yet". */
const EARLY_MS = 5 * 60_000;
const NOT_FOUND = new Set([404]);

/** Address, headers and signature of each kind of delivery; fresh at every attempt. */
export function createPrepare(deps: Deps): Prepare {
  const { config, clock, agentSender, opscoreSender } = deps;
  const seconds = () => Math.floor(clock.wall() / 1000);

  async function task(delivery: LeasedDelivery): Promise<Prepared> {
    // Looked up now, not when the task came: a moved agent gets its waiting tasks.
    const agent = await deps.getAgent(delivery.agentId);
    if (agent === undefined) return { outcome: 'agent_deregistered' };
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      'x-agentkit-task-id': delivery.id,
      'x-agentkit-attempt': String(delivery.attemptCount + 1),
      ...signatureHeaders(
        signingSecrets(agent.signingSecret, agent.previousSecret, clock.wall()),
        delivery.id,
        seconds(),
        delivery.body,
      ),
    };
    if (delivery.traceparent !== null) {
      headers['traceparent'] = attemptTraceparent(delivery.traceparent);
    }
    return {
      outcome: 'send',
      sender: agentSender,
      schedule: config.taskRetrySchedule,
      request: {
        url: agent.contactEndpoint,
        headers,
        body: delivery.body,
        timeoutMs: config.dispatchTimeout,
      },
    };
  }

  function webhook(delivery: LeasedDelivery): Prepared {
    if (config.webhook === undefined) return { outcome: 'not_configured' };
    const { url, secret } = config.webhook;
    return {
      outcome: 'send',
      sender: opscoreSender,
      schedule: config.webhookRetrySchedule,
      request: {
        url,
        headers: {
          'content-type': 'application/json',
          'user-agent': USER_AGENT,
          ...signatureHeaders(
            signingSecrets(secret, deps.previousWebhookSecret, clock.wall()),
            delivery.id,
            seconds(),
            delivery.body,
          ),
        },
        body: delivery.body,
        timeoutMs: config.webhookTimeout,
      },
    };
  }

  function stateReport(delivery: LeasedDelivery): Prepared {
    if (config.opscoreApi === undefined) return { outcome: 'not_configured' };
    const { url, key } = config.opscoreApi;
    return {
      outcome: 'send',
      sender: opscoreSender,
      schedule: config.webhookRetrySchedule,
      ...(clock.now() - delivery.createdAt < EARLY_MS ? { retriedStatuses: NOT_FOUND } : {}),
      request: {
        url: stateReportUrl(url, delivery.agentId),
        headers: {
          'content-type': 'application/json',
          'user-agent': USER_AGENT,
          authorization: `Bearer ${key}`,
          'x-agentkit-delivery-id': delivery.id,
        },
        body: delivery.body,
        timeoutMs: config.webhookTimeout,
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

const USER_AGENT = 'agentkit-service';
