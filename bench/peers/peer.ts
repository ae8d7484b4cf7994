/** What a peer's process is started with. */
export interface PeerSettings {
  readonly queue: QueueName;
  /** Where the queue lives; '' for those in memory. */
  readonly url: string;
  readonly agents: readonly PeerAgent[];
  readonly secret: string;
  /** Where a registration is told; undefined = nobody registers. */
  readonly webhookUrl: string | undefined;
  /** Deliveries in flight: per agent for those in memory, in all for the queues. */
  readonly concurrency: number;
}

export interface PeerAgent {
  readonly id: string;
  readonly url: string;
}

export const queueNames = ['memory', 'bullmq', 'pg-boss', 'graphile-worker'] as const;
export type QueueName = (typeof queueNames)[number];

export interface PeerCounts {
  /** Answered with 202, the task being where the peer keeps it. */
  readonly accepted: number;
  /** Delivered, and recorded as such by what the peer keeps tasks in. */
  readonly completed: number;
  /** Attempts that were not answered with 2xx. */
  readonly failed: number;
}

/** A backlog to begin with. */
export interface Fill {
  readonly count: number;
  readonly body: string;
}
