import type { AgentChange, Store } from '../store/store.ts';
import type { Rates } from './rates.ts';

/** The same store; what is accepted by it and attempted is counted on the way. */
export function countingStore(store: Store, rates: Rates): Store {
  return {
    ...store,
    tasks: {
      ...store.tasks,
      insert: (task, options) =>
        beside(store.tasks.insert(task, options), (result) => {
          if (result.outcome === 'inserted') rates.count('accepted');
        }),
    },
    agents: {
      ...store.agents,
      change: async (ref, plan) => {
        // A plan may run twice: the last run is the one that was written.
        let last: AgentChange<unknown> | undefined;
        const changed = await store.agents.change(ref, (stored) => {
          const change = plan(stored);
          last = change;
          return change;
        });
        if (last?.webhook !== undefined) rates.count('accepted');
        return changed;
      },
      remove: async (agentId, plan) => {
        let accepted = 0;
        const noted = <T>(delivery: T | undefined) => {
          if (delivery !== undefined) accepted += 1;
          return delivery;
        };
        const removed = await store.agents.remove(agentId, {
          ...plan,
          applies: (agent) => {
            accepted = 0;
            return plan.applies(agent);
          },
          reportOf: (task) => noted(plan.reportOf(task)),
          webhookOf: (agent) => noted(plan.webhookOf(agent)),
        });
        rates.count('accepted', accepted);
        return removed;
      },
    },
    outbox: {
      ...store.outbox,
      complete: (completion) =>
        beside(store.outbox.complete(completion), (outcome) => {
          const { attempt, followUp } = completion;
          if (attempt !== undefined) {
            rates.count(attempt.outcome === 'delivered' ? 'delivered' : 'failed');
          }
          if (followUp !== undefined && outcome === 'done') rates.count('accepted');
        }),
    },
  };
}

/** The same promise: who waits for it does not wait for the counting as well. A failure is its business alone. */
function beside<T>(result: Promise<T>, count: (value: T) => void): Promise<T> {
  result.then(count, () => undefined);
  return result;
}
