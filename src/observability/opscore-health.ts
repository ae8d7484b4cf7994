import type { Attempt, DeliveryKind } from '../outbox/delivery.ts';

/** `unknown`: nothing was sent since the start. `failing`: it takes nothing at the moment. */
export type OpscoreState = 'ok' | 'failing' | 'unknown' | 'not_configured';

/** One that fails may be the event's own fault; several in a row, of whichever agents, are not. */
const FAILURES_IN_A_ROW = 3;

/**
 * How Ops-Core takes what is sent to it, seen by the attempts themselves: nobody asks it for the sake of a probe. While it
 * fails the service is degraded, and ready all the same: deliveries wait on disk.
 */
export function createOpscoreHealth(configured: boolean) {
  let state: OpscoreState = configured ? 'unknown' : 'not_configured';
  let failures = 0;

  return {
    state: () => state,
    note(kind: DeliveryKind, { outcome, errorClass }: Pick<Attempt, 'outcome' | 'errorClass'>) {
      // Our own shutdown says nothing of it.
      if (kind === 'task' || errorClass === 'interrupted') return;
      failures = outcome === 'delivered' ? 0 : failures + 1;
      if (failures === 0) state = 'ok';
      else if (failures >= FAILURES_IN_A_ROW) state = 'failing';
    },
  };
}

export type OpscoreHealth = ReturnType<typeof createOpscoreHealth>;
