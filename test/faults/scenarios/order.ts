import { killEvery } from '../harness/killer.ts';
import { live } from '../harness/operations.ts';
import { setStage, type Scene } from '../harness/stage.ts';
import { inParallel } from '../../helpers/in-parallel.ts';
import type { Outcome } from './outcome.ts';

/** Agents register, change twice, and every other one leaves: seven events of two. */
const VERSIONS = 3;
const EVENTS_OF_TWO = 2 * VERSIONS + 1;

export interface Order {
  readonly store: 'sqlite' | 'postgres';
  readonly events: number;
  /** How much of what it gets Ops-Core answers with a 500. */
  readonly failRate: number;
  readonly killEveryMs?: number;
}

/** Many agents come and go, while Ops-Core fails at random. */
export async function orderOfWebhooks(scene: Scene, order: Order): Promise<Outcome> {
  const { random } = scene;
  const stage = await setStage({
    ...scene,
    store: order.store,
    replicas: order.store === 'sqlite' ? 1 : 3,
    env: {
      WEBHOOK_RETRY_SCHEDULE: Array<string>(60).fill('20ms').join(','),
      DISPATCH_TIMEOUT: '3s',
      WEBHOOK_TIMEOUT: '3s',
    },
  });
  const { replicas, calm, opscore } = stage;
  let failed = 0;
  opscore.fail = async () => {
    await new Promise((resolve) => setTimeout(resolve, random.next() * 4));
    if (!random.chance(order.failRate)) return undefined;
    failed += 1;
    return 500;
  };
  const agents = Math.ceil((2 * order.events) / EVENTS_OF_TWO);
  const living = inParallel(agents, 24, (n) =>
    live(calm, { agentName: `passing-${n}`, versions: VERSIONS, leaves: n % 2 === 0 }),
  );
  const kills =
    order.killEveryMs === undefined
      ? 0
      : await killEvery(order.killEveryMs, { replicas, random, end: living });
  await living;
  // A lease of a replica that was killed lasts for 13 s; nothing else has to wait for one.
  await stage.drained(order.killEveryMs === undefined ? 10_000 : 60_000);
  const verdict = await stage.judged();
  const figures = {
    kills,
    agents,
    events: new Set(opscore.arrivals.map(({ headers }) => headers['webhook-id'])).size,
    'answered 500': failed,
    'most in flight per agent': opscore.mostInFlight(),
  };
  return { verdict, figures };
}
