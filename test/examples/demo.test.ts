import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { aSecret } from '../helpers/secrets.ts';
import { eventually } from '../sdk/helpers/eventually.ts';
import { startExample } from './helpers/example-process.ts';

const STORY = [
  /Ops-Core +listens at http:\/\/127\.0\.0\.1:\d+ /,
  /service +listens at http:\/\/127\.0\.0\.1:\d+ /,
  /service +GET \/health 200/,
  /service +GET \/v1\/agents without a key (401|200 \(open mode\))/,
  /agent → service +registered: agent [0-9a-f-]{36} at http/,
  /service → Ops-Core +REGISTER 202: signature [0-9a-f]{12}… verified, id [0-9a-f-]{36}/,
  /agent → Ops-Core +state idle 202/,
  /Ops-Core → service +POST \/v1\/agents\/[0-9a-f-]{36}\/run summarize 202: task [0-9a-f-]{36}/,
  /service → agent +signature verified by the agent: task [0-9a-f-]{36}, attempt 1/,
  /somebody → agent +the same task without a signature 401/,
  /agent → Ops-Core +state active 202/,
  /agent → Ops-Core +state finished 202: \{"summary":"Rain fell all night\.","words":7\}/,
  /agent → Ops-Core +state idle 202/,
  /service +GET \/v1\/tasks\/[0-9a-f-]{36} 200: delivered at attempt 1/,
  /Ops-Core → service +POST \/v1\/agents\/[0-9a-f-]{36}\/run divide 202/,
  /service → agent +signature verified by the agent/,
  /agent → Ops-Core +state active 202/,
  /agent → Ops-Core +state error 202: cannot divide by zero/,
  /agent → Ops-Core +state idle 202/,
  /service +GET \/v1\/tasks\/[0-9a-f-]{36} 200: delivered at attempt 1/,
  /agent +SIGTERM: ended with 0/,
  /service → Ops-Core +DEREGISTER 202: signature [0-9a-f]{12}… verified/,
  /service +GET \/v1\/agents\/[0-9a-f-]{36} 404/,
  /service +SIGTERM: ended with 0/,
  /Ops-Core +SIGTERM: ended with 0/,
];

const steps = (output: string): string[] =>
  output.split('\n').filter((line) => /^ ?\d+ /.test(line));

/** The process ids that a demo told, of which none may live on. */
function living(output: string): number[] {
  const pids = [...output.matchAll(/\(process (\d+)\)/g)].map(([, pid]) => Number(pid));
  expect(pids.length).toBeGreaterThan(0);
  return pids.filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  });
}

describe('npm run demo', () => {
  it('tells the sequence step by step, exits with 0, and leaves nothing behind', async () => {
    // The same on both sides, so that all goes well with secrets whose values we know.
    const webhookSecret = aSecret('OPSCORE_WEBHOOK_SECRET');
    const apiKey = aSecret('OPSCORE_API_KEY');
    const secrets = {
      DEMO_OPSCORE_OPSCORE_WEBHOOK_SECRET: webhookSecret,
      DEMO_SERVICE_OPSCORE_WEBHOOK_SECRET: webhookSecret,
      DEMO_OPSCORE_OPSCORE_API_KEY: apiKey,
      DEMO_AGENT_OPSCORE_API_KEY: apiKey,
    };
    const before = demoDirs();
    const demo = startExample('demo.ts', secrets);
    expect(await demo.exited, demo.stdout()).toBe(0);
    const told = steps(demo.stdout());
    expect(told).toHaveLength(STORY.length);
    for (const [index, step] of STORY.entries()) expect(told[index]).toMatch(step);
    expect(demo.stdout()).toContain(`All ${String(STORY.length)} steps happened and verified`);
    expect(demo.stdout() + demo.stderr()).not.toMatch(/sentinel|whsec_|[0-9a-f]{64}/);
    expect(living(demo.stdout())).toEqual([]);
    expect(demoDirs().filter((dir) => !before.includes(dir))).toEqual([]);
  });

  it.each([
    [
      'Ops-Core has another webhook secret',
      { DEMO_OPSCORE_OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET') },
      /Ops-Core says: webhook refused, status 401, reason signature_mismatch/,
    ],
    [
      'the agent has another Ops-Core key',
      { DEMO_AGENT_OPSCORE_API_KEY: aSecret('OPSCORE_API_KEY') },
      /Ops-Core says: state refused, status 401/,
    ],
    [
      'the service does not start',
      { DEMO_SERVICE_PORT: 'nonsense' },
      /service ended with 1\. agentkit: PORT: got "nonsense"/,
    ],
    [
      'the agent is not the one that was expected',
      { DEMO_AGENT_AGENT_NAME: 'somebody' },
      /registers: agentName is "somebody", not "worker"/,
    ],
  ])('exits with 1 and says why when %s', async (_name, env, why) => {
    const demo = startExample('demo.ts', env);
    expect(await demo.exited).toBe(1);
    expect(demo.stdout()).toMatch(/The demo failed\. /);
    expect(demo.stdout()).toMatch(why);
    expect(demo.stdout()).not.toContain('happened and verified');
    expect(living(demo.stdout())).toEqual([]);
  });

  it('ends its processes on Ctrl-C', async () => {
    // A webhook that never arrives: the story stands still at a known place.
    const demo = startExample('demo.ts', {
      DEMO_SERVICE_OPSCORE_WEBHOOK_URL: 'http://127.0.0.1:1/',
    });
    await eventually(() => {
      expect(demo.stdout()).toMatch(/agent → service +registered/);
    });
    expect(living(demo.stdout())).toHaveLength(3);
    demo.kill('SIGINT');
    expect(await demo.exited).toBe(1);
    expect(demo.stdout()).toContain('interrupted by SIGINT');
    expect(living(demo.stdout())).toEqual([]);
  });
});

function demoDirs(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('agentkit-demo-'));
}
