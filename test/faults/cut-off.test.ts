import { expect } from 'vitest';
import type { AgentServer } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { query } from '../helpers/postgres.ts';
import type { Answer } from './harness/client.ts';
import { experiment } from './harness/experiment.ts';
import { startLoad } from './harness/load.ts';
import { readiness } from './harness/outage.ts';
import { postgresOnlooker } from './harness/postgres-onlooker.ts';
import { proxied } from './harness/proxied.ts';
import { setStage } from './harness/stage.ts';
import { answersSlowly } from './scenarios/behaviours.ts';
import { expectFaultless } from './scenarios/outcome.ts';

/** The one that is cut off. */
const LONELY = 1;

/** By then it has noticed, and starts no attempt any more. */
const NOTICED_MS = 1_000;

/** A statement waits for 7 s for its answer; then nobody else does (src/store/postgres/silence.ts). */
const REFUSED_WITHIN_MS = 9_000;

const BACK_WITHIN_MS = 10_000;

/** How far a replica's clock may be from the database's. */
const CLOCK_MS = 100;

experiment(
  'PostgreSQL: a replica is cut off from the database',
  // Leases last 11 s here: the first cut outlasts them.
  { full: { cutsMs: [13_000, 3_000] }, limit: 90 },
  async ({ size, random, report }) => {
    const direct = await postgresOnlooker();
    const url = direct.urlFor(`replica-${LONELY}`);
    const { onlooker, proxy } = await proxied(direct, `replica-${LONELY}`);
    const answers: Answer[] = [];
    const stage = await setStage({
      store: onlooker,
      random,
      replicas: 2,
      agents: 4,
      env: { AGENT_CONCURRENCY: '8', DISPATCH_TIMEOUT: '1s', WEBHOOK_TIMEOUT: '1s' },
      behave: answersSlowly(random, 100),
      // One that hangs would show.
      client: { onAnswer: (answer) => answers.push(answer), timeoutMs: 60_000 },
    });
    const { replicas, agents } = stage;
    const lonely = replicas.service(LONELY);
    const load = startLoad(stage, { taskClients: 32, agentClients: 1, pauseMs: 5 });
    const figures = { refused: 0, 'sent again': 0, 'slowest 503 ms': 0, 'back after ms': 0 };
    for (const cutMs of size.cutsMs) {
      const before = load.tasks();
      await eventually(() => load.tasks() > before + 500, 'tasks are asked for');
      proxy.cut();
      const cutAt = performance.now();
      const leases = await leasesOf(url, lonely?.replica ?? '');
      await new Promise((resolve) => setTimeout(resolve, NOTICED_MS));
      await replicas.cutOff(LONELY);
      await eventually(
        async () => (await readiness(stage))[LONELY] === 503,
        'it says that it is not ready',
      );
      await new Promise((resolve) => setTimeout(resolve, cutMs - NOTICED_MS));
      proxy.heal();
      const healedAt = performance.now();
      await eventually(
        () =>
          answers.some(
            (answer) => answer.url === lonely?.url && answer.at > healedAt && answer.status === 202,
          ),
        'it accepts tasks again',
      );
      await eventually(
        async () => (await readiness(stage)).every((one) => one === 200),
        'both are ready',
      );
      const backAfter = performance.now() - healedAt;
      expect(backAfter).toBeLessThan(BACK_WITHIN_MS);

      const during = answers.filter(({ askedAt }) => askedAt > cutAt && askedAt < healedAt);
      const mine = during.filter((answer) => answer.url === lonely?.url);
      // What it was asked for when it was cut off it may still do when it no longer is.
      expect(mine.filter(({ at, status }) => at < healedAt && status < 300)).toEqual([]);
      for (const { status } of mine) expect([202, 200, 201, 503]).toContain(status);
      for (const { url, status } of during)
        if (url !== lonely?.url) expect(status).toBeLessThan(300);
      const slowest = Math.max(...during.map(({ askedAt, at }) => at - askedAt));
      expect(slowest).toBeLessThan(REFUSED_WITHIN_MS);
      figures.refused += mine.filter(({ status }) => status === 503).length;
      figures['sent again'] += expectNoEarlyClaim(leases, agents);
      figures['slowest 503 ms'] = Math.max(figures['slowest 503 ms'], Math.round(slowest));
      figures['back after ms'] = Math.max(figures['back after ms'], Math.round(backAfter));
    }
    await load.stop();
    await stage.drained();
    expectFaultless(report, {
      verdict: await stage.judged(),
      figures: { cuts: size.cutsMs.length, tasks: load.tasks(), ...figures },
    });
  },
);

interface Lease {
  readonly taskId: string;
  /** When it ends, of `performance.now()`. */
  readonly until: number;
}

async function leasesOf(url: string, owner: string): Promise<Lease[]> {
  const rows = await query(
    url,
    'SELECT d.id, s.due_at FROM schedule s JOIN deliveries d ON d.seq = s.seq WHERE s.lease_owner = $1',
    [owner],
  );
  const zero = Date.now() - performance.now();
  return rows.map((row) => ({
    taskId: row['id'] as string,
    until: Number(row['due_at']) - zero,
  }));
}

/** What was under a lease when its holder was cut off is not sent by anybody else before the lease ends. */
function expectNoEarlyClaim(leases: readonly Lease[], agents: readonly AgentServer[]): number {
  let sentAgain = 0;
  for (const { taskId, until } of leases) {
    const [, second] = agents.flatMap((agent) => agent.of(taskId));
    if (second === undefined) continue;
    sentAgain += 1;
    expect(second.receivedAt).toBeGreaterThan(until - CLOCK_MS);
  }
  return sentAgain;
}
