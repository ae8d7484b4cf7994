import type { OutboxStore } from '../store.ts';
import { claim } from './claim.ts';
import { createComplete } from './complete.ts';
import type { Database } from './database.ts';
import type { LaneDepths } from './depths.ts';
import { createPrune } from './prune.ts';
import { createRelease } from './release.ts';

interface Deps {
  readonly db: Database;
  readonly depths: LaneDepths;
  /** Something is due that any replica may take. */
  readonly hintDue: () => void;
  readonly onBatch?: ((writes: number) => void) | undefined;
}

export function createOutboxStore({ db, depths, hintDue, onBatch }: Deps) {
  const completions = createComplete(db, depths, onBatch);
  const outbox: OutboxStore = {
    claim: (request) => claim(db, request),
    complete: (completion) => completions.run(completion),
    release: createRelease(db, hintDue),
    // Leases of dead replicas run out by themselves: nobody here knows who is dead.
    recover: async () => 0,
    prune: createPrune(db),
  };
  return { outbox, drained: () => completions.drained() };
}
