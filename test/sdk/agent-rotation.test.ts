import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { aSigningSecret } from '../helpers/secrets.ts';
import type { Agent } from '../../src/sdk/index.ts';
import { SigningSecrets } from '../../src/sdk/signing-secrets.ts';
import { cleanupAfterEach, gate, startWorld } from './helpers/agents.ts';
import { dispatchTask, nowSeconds } from './helpers/dispatch.ts';
import { eventually } from './helpers/eventually.ts';
import {
  AGENT_ID,
  AGENT_TOKEN,
  refuse,
  REGISTER_KEY,
  registered,
  SIGNING_SECRET,
  succeed,
} from './helpers/fake-service.ts';
import type { Received } from './helpers/http-server.ts';

cleanupAfterEach();

const SECOND = aSigningSecret();
const NEXT = aSigningSecret();
const PATH = `/v1/agents/${AGENT_ID}/signing-secret/rotate`;

const rotated = (response: ServerResponse, signingSecret: string, overlapMs: number): void => {
  const previousUntil = new Date(Date.now() + overlapMs).toISOString();
  succeed(response, { agentId: AGENT_ID, signingSecret, previousUntil });
};

/** An agent with a token of its own, whose requests on itself `own` answers. */
async function startOwnAgent(own: (request: Received, response: ServerResponse) => void) {
  const register = (_n: number, _request: Received, response: ServerResponse): void => {
    registered(response, { agentToken: AGENT_TOKEN });
  };
  const world = await startWorld({ service: { register, own } });
  let skewMs = 0;
  const held = gate();
  const clock = {
    now: () => Date.now() + skewMs,
    random: () => 0,
    // Only the hold of a dispatch sleeps here: it lasts as long as it has to.
    sleep: () => {
      held.open();
      return new Promise<void>(() => undefined);
    },
  };
  const agent = await world.agent({ apiKey: REGISTER_KEY, toleranceSeconds: 7200, clock });
  return {
    ...world,
    agent,
    held: held.opened,
    later: (ms: number) => {
      skewMs += ms;
    },
  };
}

let ids = 0;
async function statusOf(agent: Agent, secret: string): Promise<number> {
  ids += 1;
  const { status } = await dispatchTask(agent.url, 'echo', { id: `t${String(ids)}`, secret });
  return status;
}

describe('rotateSigningSecret of an agent', () => {
  it('asks with its token, and takes dispatches by both secrets until the overlap is over', async () => {
    const { agent, service, later } = await startOwnAgent((_request, response) => {
      rotated(response, NEXT, 60_000);
    });
    expect([await statusOf(agent, SIGNING_SECRET), await statusOf(agent, NEXT)]).toEqual([
      202, 401,
    ]);
    const rotation = { overlapSeconds: 60, hexAfterSeconds: 30 };
    const { previousUntil } = await agent.rotateSigningSecret(rotation);
    expect(Date.parse(previousUntil)).toBeGreaterThan(Date.now());
    const request = service.received.at(-1);
    expect(request).toMatchObject({ method: 'POST', path: PATH });
    expect(request?.headers.authorization).toBe(`Bearer ${AGENT_TOKEN}`);
    expect(JSON.parse(request?.body ?? '')).toEqual(rotation);
    expect([await statusOf(agent, SIGNING_SECRET), await statusOf(agent, NEXT)]).toEqual([
      202, 202,
    ]);
    later(60_001);
    expect([await statusOf(agent, SIGNING_SECRET), await statusOf(agent, NEXT)]).toEqual([
      401, 202,
    ]);
  });

  it('holds a dispatch by the new secret that overtakes the answer, and drops the old one at once if told so', async () => {
    const answer = gate();
    const { agent, service, held } = await startOwnAgent((_request, response) => {
      void answer.opened.then(() => {
        rotated(response, NEXT, 0);
      });
    });
    const rotation = agent.rotateSigningSecret({ overlapSeconds: 0 });
    await eventually(() => {
      expect(service.received.at(-1)?.path).toBe(PATH);
    });
    const early = statusOf(agent, NEXT);
    await held;
    answer.open();
    await rotation;
    expect(await early).toBe(202);
    expect(await statusOf(agent, SIGNING_SECRET)).toBe(401);
  });

  it('keeps what it knows when it is refused, and does two calls one after the other', async () => {
    let rotations = 0;
    const { agent } = await startOwnAgent((_request, response) => {
      rotations += 1;
      if (rotations === 1) refuse(response, 403, 'forbidden');
      else rotated(response, rotations === 2 ? SECOND : NEXT, 60_000);
    });
    await expect(agent.rotateSigningSecret()).rejects.toMatchObject({ code: 'forbidden' });
    expect(await statusOf(agent, SIGNING_SECRET)).toBe(202);
    await Promise.all([agent.rotateSigningSecret(), agent.rotateSigningSecret()]);
    for (const secret of [SIGNING_SECRET, SECOND, NEXT]) {
      expect(await statusOf(agent, secret)).toBe(202);
    }
    expect(rotations).toBe(3);
  });
});

it('an agent tells that it is alive and reads its tasks with its token', async () => {
  const { agent, service } = await startOwnAgent(({ path }, response) => {
    succeed(response, path.includes('/tasks?') ? [{ taskId: 't1' }] : { taskId: 't1' });
  });
  await agent.heartbeat();
  expect(await agent.listTasks({ limit: 5 })).toEqual({
    tasks: [{ taskId: 't1' }],
    nextCursor: null,
  });
  expect(await agent.getTask('t1')).toEqual({ taskId: 't1' });
  const own = service.received.filter(({ method }) => method !== 'PUT');
  expect(own.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `POST /v1/agents/${AGENT_ID}/heartbeat`,
    `GET /v1/agents/${AGENT_ID}/tasks?limit=5`,
    'GET /v1/tasks/t1',
  ]);
  expect(own.map(({ headers }) => headers.authorization)).toEqual(
    Array(3).fill(`Bearer ${AGENT_TOKEN}`),
  );
});

it('SigningSecrets ends an old secret at once when the end of its overlap cannot be read', () => {
  const secrets = new SigningSecrets();
  expect(secrets.at(0)).toEqual([]);
  secrets.set('old');
  secrets.rotate('new', new Date(2000).toISOString());
  expect([secrets.at(1999), secrets.at(2000)]).toEqual([['new', 'old'], ['new']]);
  secrets.rotate('newest', 'tomorrow');
  expect(secrets.at(nowSeconds())).toEqual(['newest']);
});
