import { expect } from 'vitest';
import { once, status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { query } from '../helpers/postgres.ts';
import { tcpProxy } from '../helpers/tcp-proxy.ts';
import type { Answer } from './harness/client.ts';
import { experiment } from './harness/experiment.ts';
import { expectFaultless, figuresOf } from './harness/expect.ts';
import { startLoad } from './harness/load.ts';
import { readiness } from './harness/outage.ts';
import { postgresOnlooker } from './harness/postgres-onlooker.ts';
import { setStage } from './harness/stage.ts';

experiment(
  'PostgreSQL: a replica is cut off from the database',
  { full: { cuts: 2, lastsMs: 14_000 }, short: { cuts: 1, lastsMs: 3_000 }, limit: 120 },
  async ({ size, random, report }) => {
    const direct = await postgresOnlooker();
    const url = direct.urlFor('replica-1');
    const proxy = await tcpProxy(Number(new URL(url).port));
    const through = new URL(url);
    through.port = String(proxy.port);
    const answers: Answer[] = [];
    const stage = await setStage({
      store: {
        ...direct,
        urlFor: (service) => (service === 'replica-1' ? through.href : direct.urlFor(service)),
      },
      random,
      replicas: 2,
      agents: 4,
      env: { AGENT_CONCURRENCY: '8', DISPATCH_TIMEOUT: '1s', WEBHOOK_TIMEOUT: '1s' },
      behave: (response, dispatch) => {
        const pause = new Promise((resolve) => setTimeout(resolve, random.between(0, 100)));
        once(pause, status(200))(response, dispatch);
      },
      client: { onAnswer: (answer) => answers.push(answer), timeoutMs: 60_000 },
    });
    const { replicas, agents } = stage;
    const [, cutUrl] = replicas.urls();
    const load = startLoad(stage, { taskClients: 32, agentClients: 1, pauseMs: 5 });
    for (let round = 1; round <= size.cuts; round += 1) {
      const before = load.tasks();
      await eventually(() => load.tasks() > before + 500, 'tasks are asked for');
      proxy.cut();
      const cutAt = performance.now();
      const cutWall = Date.now();
      const leases = await query(url, 'SELECT d.id, s.due_at FROM schedule s JOIN deliveries d USING (seq) WHERE lease_owner = $1', [replicas.service(1)?.replica]);
      await eventually(async () => (await readiness(stage))[1] === 503);
      const t503 = performance.now() - cutAt;
      await new Promise((r) => setTimeout(r, 2000));
      await replicas.cutOff(1);
      await new Promise((r) => setTimeout(r, size.lastsMs));
      const during = answers.filter(({ askedAt, at }) => at > cutAt && askedAt > 0);
      const of = (b: boolean) => { const c: Record<string, number> = {}; for (const a of during) if ((a.url === cutUrl) === b) { const k = `${a.status} ${a.code} ${a.askedAt > cutAt ? 'after' : 'before'}`; c[k] = (c[k] ?? 0) + 1; } return c; };
      console.log({ t503, leases: leases.length, cutWall, cut: of(true), other: of(false), slowest: Math.max(...during.filter((a) => a.url === cutUrl).map((a) => a.at - a.askedAt)) });
      proxy.heal();
      const healedAt = performance.now();
      await eventually(() => answers.some((a) => a.url === cutUrl && a.at > healedAt && a.status === 202), '202 again');
      console.log('202 after', performance.now() - healedAt);
      await eventually(async () => (await readiness(stage)).every((s) => s === 200));
      console.log('ready after', performance.now() - healedAt);
      const sentAgain = agents.flatMap((agent) => leases.flatMap(({ id }) => { const d = agent.of(id as string); return d.length > 1 ? [d.map((x) => Math.round(x.receivedAt - cutAt)).join(',')] : []; }));
      console.log('sent again', sentAgain.length, sentAgain.slice(0, 10));
    }
    await load.stop();
    await stage.drained();
    const verdict = await stage.judged();
    report(figuresOf(verdict));
    for (const i of [0, 1]) { const c: Record<string, number> = {}; for (const l of replicas.service(i)!.log()) if (l.level > 30 || /avail/.test(l.msg)) c[l.msg + ' ' + String((l['err'] as {message?: string} | undefined)?.message).slice(0, 80)] = (c[l.msg + ' ' + String((l['err'] as {message?: string} | undefined)?.message).slice(0, 80)] ?? 0) + 1; console.log(c); }
    expectFaultless(verdict);
  },
);
