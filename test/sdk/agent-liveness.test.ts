import { describe, expect, it } from 'vitest';
import { aSecret, aSigningSecret } from '../helpers/secrets.ts';
import type { Agent } from '../../src/sdk/index.ts';
import { cleanupAfterEach, gate, startWorld } from './helpers/agents.ts';
import { dispatchHeaders, dispatchTask, post, standardHeaders } from './helpers/dispatch.ts';
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
import type { ServerResponse } from 'node:http';

cleanupAfterEach();

const HEARTBEAT = `/v1/agents/${AGENT_ID}/heartbeat`;
const OTHER_ID = '01890000-0000-7000-8000-000000000002';
const NEXT_TOKEN = aSecret('agentToken');
const NEXT_SECRET = aSigningSecret();

type Answer = (n: number, request: Received, response: ServerResponse) => void;

/**
 * A service that notes heartbeats apart. `beat` answers the n-th of them (from 1), `put` the n-th registration; the
 * agent's lease is a second, so that it beats every third of one.
 */
async function startLeased(answers: { beat?: Answer; put?: Answer } = {}) {
  const beats: Received[] = [];
  const world = await startWorld({
    service: {
      register:
        answers.put ??
        ((n, _request, response) => {
          registered(response, { agentToken: n === 1 ? AGENT_TOKEN : NEXT_TOKEN, revision: 1 });
        }),
      own: (request, response) => {
        if (!request.path.endsWith('/heartbeat')) return refuse(response, 404, 'not_found');
        beats.push(request);
        if (answers.beat !== undefined) return answers.beat(beats.length, request, response);
        succeed(response, { agentId: AGENT_ID, status: 'online', revision: 1 });
      },
    },
  });
  return { ...world, beats, start: () => world.agent({ leaseSeconds: 1 }) };
}

const beaten = (response: ServerResponse, extra: Record<string, unknown> = {}): void => {
  succeed(response, { agentId: AGENT_ID, status: 'online', revision: 1, ...extra });
};

describe('an agent with a lease', () => {
  it('asks for it, and beats with its token at a third of it until it is closed', async () => {
    const { start, beats, service } = await startLeased();
    const agent = await start();
    expect(service.registrations()[0]).toMatchObject({ leaseSeconds: 1 });
    await eventually(() => {
      expect(beats.length).toBeGreaterThanOrEqual(3);
    });
    expect(beats[0]).toMatchObject({ method: 'POST', path: HEARTBEAT });
    expect(beats[0]?.headers.authorization).toBe(`Bearer ${AGENT_TOKEN}`);
    await agent.close();
    const before = beats.length;
    // The DELETE came after the last of them, and another agent's beats show that time went by.
    expect(service.received.at(-1)?.method).toBe('DELETE');
    const other = await startLeased();
    await other.start();
    await eventually(() => {
      expect(other.beats.length).toBeGreaterThanOrEqual(2);
    });
    expect(beats).toHaveLength(before);
  });

  it.each([0, null, false] as const)('leaseSeconds: %s asks for none and beats not', async (no) => {
    const quiet = await startLeased();
    await quiet.agent({ leaseSeconds: no });
    expect(quiet.service.registrations()[0]).not.toHaveProperty('leaseSeconds');
    const { start, beats } = await startLeased();
    await start();
    await eventually(() => {
      expect(beats.length).toBeGreaterThanOrEqual(2);
    });
    expect(quiet.beats).toEqual([]);
  });

  it.each([-1, 1.5, 86_401, Number.NaN, '30' as never])(
    'refuses leaseSeconds: %s before it starts',
    async (leaseSeconds) => {
      const { agent } = await startWorld();
      await expect(agent({ leaseSeconds })).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/^leaseSeconds must/) as string,
      });
    },
  );

  it('reports idle again when the service was away and is back, and says both once', async () => {
    const { start, beats, opscore, log } = await startLeased({
      beat: (n, { socket }, response) => {
        if (n <= 2) socket.resetAndDestroy();
        else if (n === 3) refuse(response, 503, 'draining', { 'retry-after': '0' });
        else beaten(response);
      },
    });
    await start();
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'idle']);
      expect(beats.length).toBeGreaterThanOrEqual(5);
    });
    expect(log.filter((line) => line.includes('heartbeats are not taken'))).toHaveLength(1);
    expect(log.filter((line) => line.includes('has the agent back'))).toHaveLength(1);
    expect(opscore.states()).toEqual(['idle', 'idle']);
  });

  it('reports idle again when an answer shows that it had been offline', async () => {
    const { start, beats, opscore } = await startLeased({
      beat: (n, _request, response) => {
        beaten(response, { revision: n < 2 ? 1 : 3 });
      },
    });
    await start();
    await eventually(() => {
      expect(beats.length).toBeGreaterThanOrEqual(4);
      expect(opscore.states()).toEqual(['idle', 'idle']);
    });
  });

  it('reports nothing while it is unreachable for the service, and idle after that', async () => {
    const { start, beats, opscore } = await startLeased({
      beat: (n, _request, response) => {
        if (n <= 2) beaten(response, { status: 'unreachable', revision: 2 });
        else beaten(response, { revision: 3 });
      },
    });
    await start();
    await eventually(() => {
      expect(beats).toHaveLength(2);
    });
    expect(opscore.states()).toEqual(['idle']);
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'idle']);
    });
  });

  it('leaves idle to the last task when tasks are in flight as the service returns', async () => {
    const done = gate();
    const { beats, opscore, agent, log } = await startLeased({
      beat: (n, { socket }, response) => {
        if (n === 1) socket.resetAndDestroy();
        else beaten(response);
      },
    });
    const { url } = await agent({ leaseSeconds: 1, tasks: { slow: () => done.opened } });
    await dispatchTask(url, 'slow');
    await eventually(() => {
      expect(log.join()).toContain('has the agent back');
      expect(beats.length).toBeGreaterThanOrEqual(2);
    });
    expect(opscore.states()).toEqual(['idle', 'active']);
    done.open();
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'active', 'finished', 'idle']);
    });
  });
});

describe('an agent that the service has forgotten', () => {
  const forgotten = [
    [404, 'agent_not_found'],
    [401, 'unauthorized'],
  ] as const;

  it.each(forgotten)('registers again after %i %s, with its key', async (status, code) => {
    const { beats, service, opscore, agent } = await startLeased({
      beat: (n, _request, response) => {
        if (n === 1) refuse(response, status, code);
        else beaten(response);
      },
      put: (n, _request, response) => {
        if (n === 1) return registered(response, { agentToken: AGENT_TOKEN });
        const again = { agentId: OTHER_ID, signingSecret: NEXT_SECRET, agentToken: NEXT_TOKEN };
        registered(response, again);
      },
    });
    const running = await agent({ leaseSeconds: 1, apiKey: REGISTER_KEY, metadata: { a: 1 } });
    await eventually(() => {
      expect(beats.at(-1)?.path).toBe(`/v1/agents/${OTHER_ID}/heartbeat`);
      expect(opscore.accepted).toMatchObject([
        { agentId: AGENT_ID, state: 'idle' },
        { agentId: OTHER_ID, state: 'idle' },
      ]);
    });
    expect(running.agentId).toBe(OTHER_ID);
    const puts = service.received.filter(({ method }) => method === 'PUT');
    expect(puts).toHaveLength(2);
    expect(puts[1]?.body).toBe(puts[0]?.body);
    expect(puts[1]?.headers.authorization).toBe(`Bearer ${REGISTER_KEY}`);
    expect(beats.at(-1)?.headers.authorization).toBe(`Bearer ${NEXT_TOKEN}`);
    expect((await dispatchTask(running.url, 'echo', { id: 'old' })).status).toBe(401);
    const byNext = { id: 'new', secret: NEXT_SECRET };
    expect((await dispatchTask(running.url, 'echo', byNext)).status).toBe(202);
  });

  it('goes on until it is registered, whatever the service answers', async () => {
    const { start, service, opscore } = await startLeased({
      beat: (n, _request, response) => {
        if (n === 1) refuse(response, 401, 'unauthorized');
        else beaten(response);
      },
      put: (n, { socket }, response) => {
        if (n === 2) refuse(response, 403, 'forbidden');
        else if (n === 3) socket.resetAndDestroy();
        else if (n === 4) refuse(response, 409, 'agent_name_taken');
        else registered(response);
      },
    });
    await start();
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'idle']);
    });
    expect(service.registrations()).toHaveLength(5);
  });

  it('registers again when any of its calls shows it, and once for all of them', async () => {
    const answered = gate();
    const world = await startWorld({
      service: {
        register: (n, _request, response) => {
          if (n === 1) return registered(response);
          void answered.opened.then(() => {
            registered(response);
          });
        },
        own: (_request, response) => {
          refuse(response, 404, 'agent_not_found');
        },
      },
    });
    const agent = await world.agent({ leaseSeconds: 0 });
    const calls = await Promise.allSettled([
      agent.heartbeat(),
      agent.listTasks(),
      agent.rotateSigningSecret(),
      agent.heartbeat(),
    ]);
    for (const call of calls) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'agent_not_found' } });
    }
    answered.open();
    await eventually(() => {
      expect(world.opscore.states()).toEqual(['idle', 'idle']);
    });
    expect(world.service.registrations()).toHaveLength(2);
  });

  it('does not when it is a task that is not known', async () => {
    const world = await startWorld({
      service: {
        own: (_request, response) => {
          refuse(response, 404, 'task_not_found');
        },
      },
    });
    const agent = await world.agent({ leaseSeconds: 0 });
    await expect(agent.getTask('t')).rejects.toMatchObject({ code: 'task_not_found' });
    await agent.close();
    expect(world.service.registrations()).toHaveLength(1);
  });

  it('does not once it is closing', async () => {
    const { start, service } = await startLeased({
      beat: (_n, _request, response) => {
        refuse(response, 404, 'agent_not_found');
      },
      put: (n, _request, response) => {
        if (n === 1) registered(response);
      },
    });
    const agent = await start();
    await eventually(() => {
      expect(service.registrations()).toHaveLength(2);
    });
    await agent.close();
    expect(service.received.at(-1)?.method).toBe('DELETE');
    expect(service.registrations()).toHaveLength(2);
  });

  it('tells what it owes Ops-Core under its new id: Ops-Core may not know the old one', async () => {
    const { agent, opscore } = await startWorld({
      service: {
        register: (n, _request, response) => {
          registered(response, n === 1 ? {} : { agentId: OTHER_ID });
        },
        own: (_request, response) => {
          refuse(response, 404, 'agent_not_found');
        },
      },
      opscore: (_n, { path }, response) => {
        if (path.includes(OTHER_ID)) return false;
        response.writeHead(404).end('{}');
        return true;
      },
    });
    const running = await agent({ leaseSeconds: 0, reportDelaysMs: [3_600_000] });
    await eventually(() => {
      expect(opscore.received).toHaveLength(1);
    });
    await expect(running.heartbeat()).rejects.toMatchObject({ code: 'agent_not_found' });
    await eventually(() => {
      expect(opscore.accepted).toMatchObject([
        { agentId: OTHER_ID, state: 'idle' },
        { agentId: OTHER_ID, state: 'idle' },
      ]);
    });
  });
});

describe('an agent whose secret somebody else replaced', () => {
  const twice = (body: string, id: string, first: string, second: string) => {
    const headers = dispatchHeaders(body, { id, secret: first });
    const other = standardHeaders(body, { id, secret: second });
    const signature = `${String(headers['webhook-signature'])} ${String(other['webhook-signature'])}`;
    return { ...headers, 'webhook-signature': signature };
  };
  let ids = 0;
  const dispatch = async (agent: Agent, first: string, second: string): Promise<number> => {
    ids += 1;
    const body = JSON.stringify({ task_name: 'echo' });
    return (await post(agent.url, body, twice(body, `t${String(ids)}`, first, second))).status;
  };

  it('learns the new one by a PUT with its token, once, and takes both for a while', async () => {
    const { agent, service } = await startWorld({
      service: {
        register: (n, _request, response) => {
          if (n === 1) registered(response, { agentToken: AGENT_TOKEN });
          else registered(response, { signingSecret: NEXT_SECRET });
        },
      },
    });
    const running = await agent({ leaseSeconds: 0, apiKey: REGISTER_KEY });
    expect(await dispatch(running, SIGNING_SECRET, NEXT_SECRET)).toBe(202);
    expect(await dispatch(running, NEXT_SECRET, SIGNING_SECRET)).toBe(202);
    expect(await dispatch(running, NEXT_SECRET, SIGNING_SECRET)).toBe(202);
    await eventually(async () => {
      const byNext = { id: `next-${String((ids += 1))}`, secret: NEXT_SECRET };
      expect((await dispatchTask(running.url, 'echo', byNext)).status).toBe(202);
    });
    expect(await dispatch(running, NEXT_SECRET, SIGNING_SECRET)).toBe(202);
    const byOld = { id: 'under-way', secret: SIGNING_SECRET };
    expect((await dispatchTask(running.url, 'echo', byOld)).status).toBe(202);
    const puts = service.received.filter(({ method }) => method === 'PUT');
    expect(puts.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${REGISTER_KEY}`,
      `Bearer ${AGENT_TOKEN}`,
    ]);
    // The token was kept: the answer to a PUT with it brings no other.
    await running.close();
    expect(service.deregistrations()[0]?.headers.authorization).toBe(`Bearer ${AGENT_TOKEN}`);
  });

  it('asks once, whatever it is told', async () => {
    const { agent, service, log } = await startWorld({
      service: {
        register: (n, _request, response) => {
          if (n === 1) registered(response);
          else refuse(response, 403, 'forbidden');
        },
      },
    });
    const running = await agent({ leaseSeconds: 0 });
    for (let n = 0; n < 3; n += 1) {
      expect(await dispatch(running, NEXT_SECRET, SIGNING_SECRET)).toBe(202);
      await eventually(() => {
        expect(log.join()).toContain('the new signing secret is not known');
      });
    }
    expect(service.registrations()).toHaveLength(2);
  });
});
