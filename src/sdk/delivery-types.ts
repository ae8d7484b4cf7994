import type { PageFilter } from './api-types.ts';

// What operators see of everything that the service sends. Answers may carry more than is listed here.

export type DeliveryKind = 'webhook' | 'task' | 'state_report' | (string & {});

/** `dead`: a dead letter, given up after its last attempt. */
export type DeliveryState = 'scheduled' | 'delivered' | 'dead' | 'cancelled' | (string & {});

/** A delivery as it is listed. Of a task `deliveryId` is its `taskId`, of a webhook its `webhook-id`. */
export interface DeliverySummary {
  readonly deliveryId: string;
  readonly kind: DeliveryKind;
  readonly agentId: string;
  /** The task's name, the webhook's event, the reported state. */
  readonly name: string;
  readonly state: DeliveryState;
  readonly attemptCount: number;
  /** ISO 8601, UTC. Null once ended, and while an attempt is under way. */
  readonly nextAttemptAt: string | null;
  /** `http_503`, `unreachable`, `agent_deregistered`, ... */
  readonly lastError: string | null;
  /** `http_status`, `timeout`, `connection_refused`, ... Null before the first attempt, and once delivered. */
  readonly errorClass: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

/** A delivery with its attempts. */
export interface DeliveryRecord extends DeliverySummary {
  /** Of its body. */
  readonly bytes: number;
  /**
   * `agent_paused`, `agent_offline`, `agent_unreachable`, `earlier_delivery`, `configuration`, `next_attempt`, `turn` or
   * `attempt`; null once ended.
   */
  readonly waitsFor: string | null;
  /** The one that is sent before it in its order. */
  readonly behind: string | null;
  readonly attempts: readonly DeliveryAttempt[];
}

export interface DeliveryAttempt {
  readonly number: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** `delivered`, `retry` (another followed) or `failed`. */
  readonly outcome: string;
  /** Null: no answer. */
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  /** The first 4 KiB of the answer. */
  readonly responseExcerpt: string | null;
  readonly phases: AttemptPhases;
  /** Signatures and tokens are `[redacted]`. */
  readonly requestHeaders: Readonly<Record<string, string>>;
}

/** Where the time of an attempt went, in milliseconds; null: it did not come so far, or it was not noted. */
export interface AttemptPhases {
  /** Until there was a connection. */
  readonly connectMs: number | null;
  /** From then to the answer's status. */
  readonly waitMs: number | null;
  /** From then to its end. */
  readonly bodyMs: number | null;
}

/** All that is given holds. */
export interface DeliveryFilter extends PageFilter {
  readonly kind?: DeliveryKind | undefined;
  readonly state?: DeliveryState | undefined;
  readonly agentId?: string | undefined;
  readonly errorClass?: string | undefined;
  /** Accepted at this moment or later; before this one. A text is ISO 8601 with a time zone. */
  readonly since?: string | Date | undefined;
  readonly until?: string | Date | undefined;
  /** A `deliveryId`. */
  readonly id?: string | undefined;
}

/** Which dead letters; an empty one means all. */
export interface ReplayFilter {
  readonly kind?: DeliveryKind | undefined;
  readonly agentId?: string | undefined;
  readonly errorClass?: string | undefined;
  readonly since?: string | Date | undefined;
  readonly until?: string | Date | undefined;
}

/** Many dead letters that are sent again by one order. */
export interface ReplayRecord {
  readonly replayId: string;
  /** `running` until every dead letter had its turn. */
  readonly state: 'running' | 'done' | 'cancelled' | (string & {});
  readonly filter: Readonly<Record<string, string>>;
  /** Dead letters that matched when it was made. */
  readonly total: number;
  /** Of these, scheduled again so far; and left as they are. */
  readonly replayed: number;
  readonly skipped: number;
  /** ISO 8601, UTC. What died later is no part of it. */
  readonly createdAt: string;
  readonly createdBy: string | null;
  readonly finishedAt: string | null;
}

/** What a ping of Ops-Core's webhook brought back. */
export interface WebhookPing {
  /** `accepted` and `refused` are good: a strict receiver refuses what is no lifecycle event. */
  readonly outcome:
    | 'accepted'
    | 'refused'
    | 'unauthorized'
    | 'wrong_url'
    | 'failing'
    | 'unreachable'
    | (string & {});
  /** Whether webhooks would most likely arrive. */
  readonly ok: boolean;
  readonly explanation: string;
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  readonly durationMs: number;
  readonly phases: AttemptPhases;
  readonly responseExcerpt: string | null;
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** How far the receiver's clock is ahead; null: it did not say. */
  readonly clockSkewSeconds: number | null;
}
