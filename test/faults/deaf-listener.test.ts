import { expect } from 'vitest';
import { once, status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { query } from '../helpers/postgres.ts';
import { experiment } from './harness/experiment.ts';
import { runTask } from './harness/operations.ts';
import { postgresOnlooker } from './harness/postgres-onlooker.ts';
import { proxied } from './harness/proxied.ts';
import { setStage } from './harness/stage.ts';
import { expectFaultless } from './scenarios/outcome.ts';

/** What the replica that accepts may have in flight to the agent, and hold besides (src/outbox/lane-load.ts). */
const SLOTS = 2;
const HELD = 18;

const START_WITHIN_MS = 1_000;

experiment(
  'PostgreSQL: LISTEN severed without a word',
  { full: { samples: 12 }, short: { samples: 2 }, limit: 60 },
  async ({ size, random, report }) => {
    const direct = await postgresOnlooker();
    const { onlooker, proxy } = await proxied(direct, 'replica-1');
    const opened = Promise.withResolvers<undefined>();
    let dispatches = 0;
    const stage = await setStage({
      store: onlooker,
      random,
      replicas: 2,
      // All is asked of the one that hears.
      client: { targets: () => stage.replicas.urls().slice(0, 1) },
      env: { AGENT_CONCURRENCY: String(2 * SLOTS), DISPATCH_TIMEOUT: '5m' },
      behave: (response, dispatch) => {
        dispatches += 1;
        const hangs = dispatches <= SLOTS;
        (hangs ? once(opened.promise) : status(200))(response, dispatch);
      },
    });
    const { agents, client } = stage;
    const agentId = agents[0]?.agentId ?? '';
    let tasks = 0;
    const ask = async () => {
      tasks += 1;
      return runTask(client, agentId, tasks);
    };
    await knowEachOther(direct.urlFor(''), 2);
    // The replica that accepts has its hands full: what comes now is for the other.
    for (let n = 0; n < HELD; n += 1) await ask();
    await eventually(() => dispatches === SLOTS, 'all slots are taken');

    /** From the 202 to the arrival, at random moments of the other's rhythm. */
    async function sample(): Promise<number> {
      await new Promise((resolve) => setTimeout(resolve, random.between(1_000, 2_000)));
      const { ids } = await ask();
      const acceptedAt = performance.now();
      const [id = ''] = ids;
      const arrival = () => agents[0]?.of(id)[0]?.receivedAt;
      await eventually(() => arrival() !== undefined, 'it arrives');
      return (arrival() ?? 0) - acceptedAt;
    }

    const hearing: number[] = [];
    const deaf: number[] = [];
    for (let n = 0; n < Math.ceil(size.samples / 4); n += 1) hearing.push(await sample());
    proxy.freezeFromNowOn('LISTEN agentkit');
    for (let n = 0; n < size.samples; n += 1) deaf.push(await sample());
    opened.resolve(undefined);
    await stage.drained();
    const mean = deaf.reduce((sum, ms) => sum + ms, 0) / deaf.length;
    const figures = {
      tasks,
      'hearing, most ms': most(hearing),
      'deaf, most ms': most(deaf),
      'deaf, mean ms': Math.round(mean),
    };
    expectFaultless(report, { verdict: await stage.judged(), figures });
    expect(most(deaf)).toBeLessThanOrEqual(START_WITHIN_MS);
  },
);

/** Each has looked for others since the last one came. */
async function knowEachOther(url: string, count: number): Promise<void> {
  const since = Date.now();
  await eventually(async () => {
    const seen = await query(url, 'SELECT FROM replicas WHERE seen_at > $1', [since]);
    return seen.length === count;
  }, 'the replicas know of each other');
}

function most(times: readonly number[]): number {
  return Math.round(Math.max(...times));
}
