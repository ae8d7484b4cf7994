import type { Seed } from '../seed/seed.ts';
import type { SinkEndpoint } from '../sink/sink.ts';

/** What is measured: the service on one of its stores, or a peer. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  /** What a 202 of it means, in words. */
  readonly durability: string;
  /** Whether it sends tasks on at all. */
  readonly delivers: boolean;
  /** What it needs and this machine has not. */
  missing?(): string | undefined;
  start(place: Place): Promise<Running>;
}

export interface Place {
  /** An empty folder of its own, for its files and its log. */
  readonly dir: string;
  readonly agents: readonly SinkEndpoint[];
  /** `away`: what is accepted waits, nothing is sent. */
  readonly agentsAre: 'there' | 'away';
  /** Where lifecycle webhooks go, if any are to be sent. */
  readonly webhookUrl?: string;
  /** Of the service's Node: for a profile. */
  readonly nodeOptions?: readonly string[];
  /** What its database holds before it starts; the peers have none. */
  readonly seed?: Seed;
}

export interface Counts {
  readonly accepted: number;
  /** Recorded as delivered, by its store. */
  readonly completed: number;
}

/** A contender that is up. */
export interface Running {
  readonly url: string;
  /** Where tasks are posted to, one per agent. */
  readonly runPaths: readonly string[];
  /** What is sent is signed with one of these. */
  readonly secrets: readonly string[];
  /** Its own processes; the database servers' apart. */
  readonly pids: readonly number[];
  readonly serverPids: readonly number[];
  /** From its start to its being ready, in milliseconds. */
  readonly readyAfterMs: number;
  counts(): Promise<Counts>;
  /** Stores so many tasks for the first agent by a shorter way than HTTP; undefined = there is none. */
  fill?(count: number, body: string): Promise<void>;
  /** The agents that were away come, and what waits is sent. */
  release(): Promise<void>;
  stop(): Promise<void>;
}
