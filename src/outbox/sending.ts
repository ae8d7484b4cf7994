import type { Attempt, ErrorClass, LeasedDelivery } from './delivery.ts';

// What the worker asks of the dispatcher; the dispatcher knows the outbox, not the other way round.

/** One HTTP attempt to make. */
export interface SendRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The whole attempt, from connecting to the last byte of the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** The moment that its headers speak of, by which the attempt is dated; absent = when it is sent. */
  readonly at?: number;
}

/** How it went: a value, never an exception. */
export interface SendResult {
  /** Wall clock, epoch milliseconds. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** After how long there was a connection to write to, and a status; null = it did not come so far. */
  readonly connectedMs: number | null;
  readonly answeredMs: number | null;
  /** null = no answer. */
  readonly statusCode: number | null;
  /** null = there was an answer. */
  readonly errorClass: ErrorClass | null;
  readonly retryAfterMs: number | undefined;
  /** What the receiver's clock said (its Date header), epoch milliseconds. */
  readonly receiverTime?: number | undefined;
  readonly responseExcerpt: string | null;
}

export interface SendOptions {
  /** Reads the receiver's clock as well. */
  readonly readsTime?: boolean;
}

export interface Sender {
  send(request: SendRequest, options?: SendOptions): Promise<SendResult>;
  /** Ends every attempt in flight as `interrupted`: the last resort of a shutdown. */
  interrupt(): void;
}

/** How a delivery is sent, decided at the moment of sending. */
export type Prepared =
  | {
      readonly outcome: 'send';
      readonly sender: Sender;
      readonly request: SendRequest;
      readonly schedule: readonly number[];
      /** Told how the attempt went. */
      readonly span?: { end?(attempt: Attempt): void };
      readonly retriedStatuses?: ReadonlySet<number>;
    }
  /** The agent is gone: the delivery ends without an attempt. */
  | { readonly outcome: 'agent_deregistered' }
  /** The target is not configured (any more): it waits, and burns no attempt. */
  | { readonly outcome: 'not_configured' };

export type Prepare = (delivery: LeasedDelivery) => Promise<Prepared>;
