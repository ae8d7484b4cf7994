import type { AgentRecord, PageFilter, WhoAmI } from './api-types.ts';
import { everyItem, type CallOptions, type ServiceCalls } from './calls.ts';
import type {
  DeliveryFilter,
  DeliveryRecord,
  DeliverySummary,
  ReplayFilter,
  ReplayRecord,
  WebhookPing,
} from './delivery-types.ts';
import type { ServiceOverview } from './overview-types.ts';
import { invalidArgument } from './errors.ts';
import { jsonText, pathSegment } from './wire.ts';

/** The part of the REST API that operators use: reading wants the scope `read`, the rest `admin`. */
export class OperatorClient {
  protected readonly calls: ServiceCalls;

  constructor(calls: ServiceCalls) {
    this.calls = calls;
  }

  /**
   * `GET /v1/deliveries`: one page, the last accepted first. A page may be short, or empty, although `nextCursor` leads on:
   * `iterateDeliveries` goes on by itself.
   */
  async listDeliveries(
    { agentId, errorClass, since, until, ...filter }: DeliveryFilter = {},
    options?: CallOptions,
  ): Promise<{ deliveries: DeliverySummary[]; nextCursor: string | null }> {
    const query = {
      ...filter,
      agent_id: agentId,
      error_class: errorClass,
      since: moment('since', since),
      until: moment('until', until),
    };
    const page = await this.calls.page<DeliverySummary>('/v1/deliveries', query, options);
    return { deliveries: page.items, nextCursor: page.nextCursor };
  }

  /** Every delivery that matches, page by page. */
  iterateDeliveries(
    filter: DeliveryFilter = {},
    options?: CallOptions,
  ): AsyncGenerator<DeliverySummary, void> {
    return everyItem('/v1/deliveries', filter.cursor, async (cursor) => {
      const page = await this.listDeliveries({ ...filter, cursor }, options);
      return { items: page.deliveries, nextCursor: page.nextCursor };
    });
  }

  /** `GET /v1/deliveries/{delivery_id}`: with its attempts, and what it waits for. */
  async getDelivery(deliveryId: string, options?: CallOptions): Promise<DeliveryRecord> {
    return this.calls.data({ method: 'GET', path: deliveryPath(deliveryId) }, options);
  }

  /**
   * `POST /v1/deliveries/{delivery_id}/retry`: sends it now, whatever became of it; one that was delivered only with
   * `force`. 409: `delivery_delivered`, `delivery_superseded`, `delivery_busy` (try again in a moment), `agent_gone`.
   */
  async retryDelivery(
    deliveryId: string,
    options?: CallOptions & { readonly force?: boolean | undefined },
  ): Promise<DeliveryRecord> {
    const query: Record<string, string> = options?.force === true ? { force: 'true' } : {};
    const path = `${deliveryPath(deliveryId)}/retry`;
    return this.calls.data({ method: 'POST', path, query }, options);
  }

  /** `POST /v1/deliveries/{delivery_id}/cancel`. 409: `delivery_finished`, `delivery_busy`. */
  async cancelDelivery(deliveryId: string, options?: CallOptions): Promise<DeliveryRecord> {
    const path = `${deliveryPath(deliveryId)}/cancel`;
    return this.calls.data({ method: 'POST', path }, options);
  }

  /** `POST /v1/replays` with `dryRun`: how many dead letters a replay would send again now. */
  async countReplay(filter: ReplayFilter, options?: CallOptions): Promise<number> {
    const { total } = await this.#replay<{ total: number }>(filter, true, options);
    return total;
  }

  /** `POST /v1/replays`: sends the dead letters of the filter again, in the background. `{}` means all of them. */
  async createReplay(filter: ReplayFilter, options?: CallOptions): Promise<ReplayRecord> {
    return this.#replay<ReplayRecord>(filter, false, options);
  }

  /** `GET /v1/replays/{replay_id}`: how far it is. */
  async getReplay(replayId: string, options?: CallOptions): Promise<ReplayRecord> {
    return this.calls.data({ method: 'GET', path: replayPath(replayId) }, options);
  }

  /** `GET /v1/replays`: one page, the newest first. */
  async listReplays(
    filter: PageFilter = {},
    options?: CallOptions,
  ): Promise<{ replays: ReplayRecord[]; nextCursor: string | null }> {
    const page = await this.calls.page<ReplayRecord>('/v1/replays', { ...filter }, options);
    return { replays: page.items, nextCursor: page.nextCursor };
  }

  /** `POST /v1/replays/{replay_id}/cancel`: what it has scheduled stays so. 409 `replay_finished`. */
  async cancelReplay(replayId: string, options?: CallOptions): Promise<ReplayRecord> {
    return this.calls.data({ method: 'POST', path: `${replayPath(replayId)}/cancel` }, options);
  }

  /** `POST /v1/agents/{agent_id}/pause`: its tasks are accepted and wait. */
  async pauseAgent(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return this.calls.data({ method: 'POST', path: `${agentPath(agentId)}/pause` }, options);
  }

  /** `POST /v1/agents/{agent_id}/resume`. */
  async resumeAgent(agentId: string, options?: CallOptions): Promise<AgentRecord> {
    return this.calls.data({ method: 'POST', path: `${agentPath(agentId)}/resume` }, options);
  }

  /** `GET /v1/overview`: what arrives, what waits, what fails. */
  async getOverview(options?: CallOptions): Promise<ServiceOverview> {
    return this.calls.data({ method: 'GET', path: '/v1/overview' }, options);
  }

  /** `GET /v1/whoami`: whose credential is used, and what it may do. */
  async whoami(options?: CallOptions): Promise<WhoAmI> {
    return this.calls.data({ method: 'GET', path: '/v1/whoami' }, options);
  }

  /**
   * `POST /v1/webhook/ping`: one signed request to Ops-Core's webhook, and what came back. 409 `webhook_not_configured`.
   * It takes as long as an attempt may (WEBHOOK_TIMEOUT of the service), so it is waited for a minute at least.
   */
  async pingWebhook(options?: CallOptions): Promise<WebhookPing> {
    const request = {
      method: 'POST',
      path: '/v1/webhook/ping',
      timeoutMs: PING_TIMEOUT_MS,
    } as const;
    return this.calls.data(request, options);
  }

  async #replay<T>(
    { since, until, ...filter }: ReplayFilter,
    dryRun: boolean,
    options: CallOptions | undefined,
  ): Promise<T> {
    const body = jsonText('filter', {
      filter: { ...filter, since: moment('since', since), until: moment('until', until) },
      ...(dryRun ? { dryRun } : {}),
    });
    return this.calls.data({ method: 'POST', path: '/v1/replays', body }, options);
  }
}

const PING_TIMEOUT_MS = 60_000;

function moment(argument: string, value: string | Date | undefined): string | undefined {
  if (!(value instanceof Date)) return value;
  if (Number.isNaN(value.getTime())) throw invalidArgument(`${argument} is no valid Date.`);
  return value.toISOString();
}

export function agentPath(agentId: string): string {
  return `/v1/agents/${pathSegment('agentId', agentId)}`;
}

function deliveryPath(deliveryId: string): string {
  return `/v1/deliveries/${pathSegment('deliveryId', deliveryId)}`;
}

function replayPath(replayId: string): string {
  return `/v1/replays/${pathSegment('replayId', replayId)}`;
}
