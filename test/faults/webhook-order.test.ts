import { experiment } from './harness/experiment.ts';
import { orderOfWebhooks } from './scenarios/order.ts';
import { expectFaultless } from './scenarios/outcome.ts';

experiment(
  'SQLite: order of webhooks while Ops-Core fails',
  { full: { events: 10_000 }, short: { events: 500 }, limit: 240 },
  async ({ size, random, report }) => {
    const order = { store: 'sqlite', failRate: 0.3, ...size } as const;
    expectFaultless(report, await orderOfWebhooks({ random }, order));
  },
);

experiment(
  'PostgreSQL: order of webhooks while Ops-Core fails and replicas are killed',
  { full: { events: 10_000 }, limit: 400 },
  async ({ size, random, report }) => {
    const order = { store: 'postgres', failRate: 0.2, killEveryMs: 1_000, ...size } as const;
    expectFaultless(report, await orderOfWebhooks({ random }, order));
  },
);
