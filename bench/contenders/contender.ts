import type { SinkEndpoint } from '../sink/sink.ts';

/** What is measured: the service on one of its stores, or a peer. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  /** What a 202 of it means, in words. */
  readonly durability: string;
  /** Whether it sends tasks on at all. */
  readonly delivers: boolean;
  start(place: Place): Promise<Running>;
}

export interface Place {
  /** An empty folder of its own, for its files and its log. */
  readonly dir: string;
  readonly agents: readonly SinkEndpoint[];
  /** `away`: what is accepted waits, nothing is sent. */
  readonly agentsAre: 'there' | 'away';
}

export interface Counts {
  readonly accepted: number;
  /** Recorded as delivered, by its store. */
  readonly completed: number;
}

/** A contender that is up, on a store that was empty. */
export interface Running {
  readonly url: string;
  /** Where tasks are posted to, one per agent. */
  readonly runPaths: readonly string[];
  /** By the agents' order: what each dispatch must be signed with. */
  readonly secrets: readonly string[];
  /** Its own processes; the database servers' apart. */
  readonly pids: readonly number[];
  readonly serverPids: readonly number[];
  counts(): Promise<Counts>;
  stop(): Promise<void>;
}
