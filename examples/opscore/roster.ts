import type { AgentState } from '../../src/sdk/index.ts';

export interface KnownAgent {
  readonly agentName: string;
  /** What it last reported; `dispatched` from the moment a task is sent to it until it reports again. */
  state: AgentState | 'dispatched';
}

/**
 * The agents that Ops-Core knows, by id: from their REGISTER to their DEREGISTER. A real one keeps them in its
 * database, as nobody sends the webhooks again after a restart.
 */
export type Roster = Map<string, KnownAgent>;
