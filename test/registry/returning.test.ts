import { describe, expect, it } from 'vitest';
import { createReturning } from '../../src/registry/returning.ts';
import { testLog } from '../helpers/log.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { ANYBODY, REGISTRATION, setup } from './kit.ts';

const MINUTE = 60_000;

function returning(pullForward = async () => 1) {
  const clock = manualClock();
  const pulled: unknown[][] = [];
  const lines: string[] = [];
  let wakes = 0;
  const service = createReturning({
    store: {
      deliveries: {
        pullForward: (...asked: unknown[]) => {
          pulled.push(asked);
          return pullForward();
        },
      },
    } as never,
    clock,
    log: testLog((line) => lines.push(JSON.stringify(line))),
    worker: { wake: () => (wakes += 1) },
  });
  const welcome = (agentId: string) => service.welcome(agentId);
  return { welcome, clock, pulled, lines, wakes: () => wakes };
}

describe('an agent that comes back', () => {
  it('gets the tasks that would be sent next, and the worker is woken', async () => {
    const { welcome, clock, pulled, wakes } = returning();
    await welcome('a');
    expect(pulled).toEqual([['task:a', clock.now(), 1_000]]);
    expect(wakes()).toBe(1);
  });

  it('over and over gets them once a minute', async () => {
    const { welcome, clock, pulled } = returning();
    await welcome('a');
    clock.advance(MINUTE - 1);
    await welcome('a');
    await welcome('b');
    expect(pulled.map(([lane]) => lane)).toEqual(['task:a', 'task:b']);
    clock.advance(1);
    await welcome('a');
    await welcome('b');
    expect(pulled.map(([lane]) => lane)).toEqual(['task:a', 'task:b', 'task:a']);
  });

  it('for whom nothing waits wakes nobody', async () => {
    const { welcome, wakes } = returning(async () => 0);
    await welcome('a');
    expect(wakes()).toBe(0);
  });

  it('loses nothing when the store refuses: the log says so', async () => {
    const { welcome, lines } = returning(() => Promise.reject(new Error('no disk')));
    await welcome('a');
    expect(lines.join('')).toContain('waiting tasks could not be made due');
  });
});

describe('the registry tells of a return', () => {
  it('when an agent registers again, and not when it is new', async () => {
    const { registry, registered, returned } = setup();
    const { agentId } = await registered();
    expect(returned).toEqual([]);
    await registry.upsert({ ...REGISTRATION, agentName: 'other' }, ANYBODY);
    expect(returned).toEqual([]);
    await registry.upsert(REGISTRATION, ANYBODY);
    expect(returned).toEqual([agentId]);
  });

  it('when one that was offline is heard of, and not at any other heartbeat', async () => {
    const { registry, registered, returned, store } = setup();
    const { agentId } = await registered({ leaseSeconds: 30 });
    await registry.heartbeat(agentId, ANYBODY);
    expect(returned).toEqual([]);
    await store.agents.change({ agentId }, (agent) => ({
      result: undefined,
      ...(agent === undefined
        ? {}
        : { write: { ...agent, status: 'offline' as const, offlineAt: agent.lastSeenAt } }),
    }));
    await registry.heartbeat(agentId, ANYBODY);
    expect(returned).toEqual([agentId]);
  });

  it('when an unreachable one has another address, and not for any other change', async () => {
    const { registry, registered, returned, store } = setup();
    const { agentId } = await registered();
    await store.agents.change({ agentId }, (agent) => ({
      result: undefined,
      ...(agent === undefined ? {} : { write: { ...agent, status: 'unreachable' as const } }),
    }));
    await registry.patch(agentId, { version: '2' }, undefined, ANYBODY);
    expect(returned).toEqual([]);
    await registry.patch(
      agentId,
      { contactEndpoint: 'http://127.0.0.1:9001/' },
      undefined,
      ANYBODY,
    );
    expect(returned).toEqual([agentId]);
  });
});
