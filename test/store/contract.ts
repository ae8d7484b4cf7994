import { describe } from 'vitest';
import { cancelling } from './contract/cancelling.ts';
import { claiming } from './contract/claiming.ts';
import { completing } from './contract/completing.ts';
import { idempotency } from './contract/idempotency.ts';
import { insertingAgents } from './contract/inserting-agents.ts';
import { listingAgents } from './contract/listing-agents.ts';
import { orderedLanes } from './contract/ordered-lanes.ts';
import { pruning } from './contract/pruning.ts';
import { releasing } from './contract/releasing.ts';
import { removingAgents } from './contract/removing-agents.ts';
import { restart } from './contract/restart.ts';
import { tasks } from './contract/tasks.ts';
import { upsertingAgents } from './contract/upserting-agents.ts';
import type { OpenStore, StoreFeatures } from './contract/steps.ts';

/** What every implementation of the Store contract (src/store/store.ts) does. */
export function describeStore(name: string, open: OpenStore, features: StoreFeatures): void {
  describe(`${name}: inserting agents`, () => insertingAgents(open));
  describe(`${name}: upserting agents`, () => upsertingAgents(open));
  describe(`${name}: listing agents`, () => listingAgents(open));
  describe(`${name}: removing agents`, () => removingAgents(open));
  describe(`${name}: tasks`, () => tasks(open));
  describe(`${name}: a task with an idempotency key`, () => idempotency(open));
  describe(`${name}: cancelling`, () => cancelling(open));
  describe(`${name}: claiming`, () => claiming(open));
  describe(`${name}: an ordered lane`, () => orderedLanes(open));
  describe(`${name}: completing`, () => completing(open));
  describe(`${name}: giving back`, () => releasing(open, features));
  describe(`${name}: pruning`, () => pruning(open));
  describe(`${name}: over a restart`, () => restart(open));
}
