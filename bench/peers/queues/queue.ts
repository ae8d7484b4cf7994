/** One task on its way. */
export interface Job {
  readonly id: string;
  readonly agentId: string;
  readonly body: Buffer;
}

/** Delivers one job; rejects when the agent did not take it. */
export type Deliver = (job: Job) => Promise<void>;

/** What a peer keeps its tasks in. */
export interface Queue {
  /** Resolves once the job is as safe as this queue makes it. */
  add(job: Job): Promise<void>;
  /** Many at once, the fastest way that it has. */
  addMany(jobs: readonly Job[]): Promise<void>;
  /** Begins to deliver. */
  work(deliver: Deliver): Promise<void>;
  /** Jobs that the queue itself has recorded as completed. */
  completed(): Promise<number>;
  close(): Promise<void>;
}
