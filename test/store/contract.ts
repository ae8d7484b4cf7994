import { describe } from 'vitest';
import { agentEvents } from './contract/agent-events.ts';
import { agentTokens } from './contract/agent-tokens.ts';
import { cancelling } from './contract/cancelling.ts';
import { changingAgents } from './contract/changing-agents.ts';
import { claiming } from './contract/claiming.ts';
import { completing } from './contract/completing.ts';
import { firstSeen } from './contract/first-seen.ts';
import { heldLanes } from './contract/held-lanes.ts';
import { idempotency } from './contract/idempotency.ts';
import { keys } from './contract/keys.ts';
import { leases } from './contract/leases.ts';
import { listingAgents } from './contract/listing-agents.ts';
import { orderedLanes } from './contract/ordered-lanes.ts';
import { pruning } from './contract/pruning.ts';
import { queueLimit } from './contract/queue-limit.ts';
import { releasing } from './contract/releasing.ts';
import { removingAgents } from './contract/removing-agents.ts';
import { restart } from './contract/restart.ts';
import { tasks } from './contract/tasks.ts';
import type { OpenStore, StoreOptions } from './contract/steps.ts';

/** What every implementation of the Store contract (src/store/store.ts) does. */
export function describeStore(name: string, open: OpenStore, options: StoreOptions): void {
  describe(`${name}: changing agents`, () => changingAgents(open));
  describe(`${name}: the token of an agent`, () => agentTokens(open));
  describe(`${name}: leases`, () => leases(open));
  describe(`${name}: listing agents`, () => listingAgents(open));
  describe(`${name}: events`, () => agentEvents(open));
  describe(`${name}: removing agents`, () => removingAgents(open));
  describe(`${name}: tasks`, () => tasks(open));
  describe(`${name}: a task with an idempotency key`, () => idempotency(open));
  describe(`${name}: a queue with a limit`, () => queueLimit(open));
  describe(`${name}: cancelling`, () => cancelling(open));
  describe(`${name}: claiming`, () => claiming(open));
  describe(`${name}: an ordered lane`, () => orderedLanes(open));
  describe(`${name}: a held lane`, () => heldLanes(open, options));
  describe(`${name}: completing`, () => completing(open));
  describe(`${name}: giving back`, () => releasing(open, options));
  describe(`${name}: pruning`, () => pruning(open));
  describe(`${name}: API keys`, () => keys(open));
  describe(`${name}: when a value was first seen`, () => firstSeen(open));
  describe(`${name}: over a restart`, () => restart(open));
}
