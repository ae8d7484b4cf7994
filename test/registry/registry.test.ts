import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/auth/principal.ts';
import { tokenHash } from '../../src/auth/token.ts';
import type { Agent, Store } from '../../src/store/store.ts';
import { removal, updateAgent } from '../helpers/store.ts';
import {
  ANYBODY,
  OVERLAP_MS,
  REGISTRATION,
  eventsOf,
  giveTasks,
  sentToOpscore,
  setup,
} from './kit.ts';

const STARTER: Principal = { kind: 'key', name: 'starter', scope: 'register' };
const STRANGER: Principal = { kind: 'key', name: 'stranger', scope: 'register' };
const ADMIN: Principal = { kind: 'key', name: 'operator', scope: 'admin' };
const itself = ({ agentId }: Agent): Principal => ({ kind: 'agent', agentId });

const typesOf = async (store: Store, since = 0) => {
  const events = await store.agents.listEvents(since, 100);
  return events === 'expired' ? [events] : events.map(({ type }) => type);
};

describe('registering', () => {
  it('stores the agent, REGISTER and the event, and tells the rest of the service', async () => {
    const { registry, store, changed } = setup();
    const { agent, created } = await registry.register(
      { ...REGISTRATION, metadata: { a: { b: 1 } } },
      ANYBODY,
    );
    expect(created).toBe(true);
    expect(changed).toEqual([agent]);
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    expect(await typesOf(store)).toEqual(['registered']);
    expect(await sentToOpscore(store)).toEqual([
      {
        kind: 'webhook',
        body: {
          event_type: 'REGISTER',
          agent_details: {
            agentId: agent.agentId,
            ...REGISTRATION,
            capabilities: [],
            metadata: { a: { b: 1 } },
          },
        },
      },
    ]);
  });

  it('gives a token that leads to the agent', async () => {
    const { registry, store, clock } = setup();
    const { agent, agentToken = '' } = await registry.register(REGISTRATION, ANYBODY);
    const found = await store.agents.findByTokenHash(tokenHash(agentToken), clock.now());
    expect(found).toBe(agent.agentId);
  });

  it('notes which key did it, and when the lease ends', async () => {
    const { registry, clock } = setup();
    const { agent } = await registry.register({ ...REGISTRATION, leaseSeconds: 30 }, STARTER);
    expect(agent).toMatchObject({
      owner: 'starter',
      status: 'online',
      leaseSeconds: 30,
      leaseExpiresAt: clock.now() + 30_000,
    });
  });

  it('stores no webhook where none is configured', async () => {
    const { registered, deregistration, store } = setup({ webhooks: false, stateReports: true });
    const { agentId } = await registered();
    await deregistration.deregister(agentId, ANYBODY);
    expect(await sentToOpscore(store)).toEqual([]);
  });

  it('of a taken name fails and tells nobody', async () => {
    const { registry, registered, store, changed } = setup();
    await registered();
    await expect(registry.register(REGISTRATION, ANYBODY)).rejects.toMatchObject({
      code: 'agent_name_taken',
    });
    expect(changed).toHaveLength(1);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER']);
  });

  it('at an address where no agent may live fails, however it is asked for', async () => {
    const { registry, registered, store } = setup();
    const { agentId } = await registered({ agentName: 'other' });
    const contactEndpoint = 'http://169.254.169.254/latest/meta-data';
    const refusal = { code: 'validation_failed', errors: [{ path: '/contactEndpoint' }] };
    const bad = { ...REGISTRATION, contactEndpoint };
    await expect(registry.register(bad, ANYBODY)).rejects.toMatchObject(refusal);
    await expect(registry.upsert(bad, ANYBODY)).rejects.toMatchObject(refusal);
    await expect(
      registry.patch(agentId, { contactEndpoint }, undefined, ANYBODY),
    ).rejects.toMatchObject(refusal);
    expect((await store.agents.list({}, { limit: 10, after: null })).items).toHaveLength(1);
  });
});

describe('registering again', () => {
  it('tells Ops-Core when something has changed, and only then', async () => {
    const { registry, store, clock } = setup();
    const { agent } = await registry.upsert(REGISTRATION, ANYBODY);
    clock.advance(1_000);
    expect(await registry.upsert(REGISTRATION, ANYBODY)).toMatchObject({
      created: false,
      agent: { updatedAt: agent.updatedAt, lastSeenAt: clock.now(), revision: agent.revision },
    });
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER']);
    const { agent: changed } = await registry.upsert({ ...REGISTRATION, version: '2' }, ANYBODY);
    expect(changed).toMatchObject({
      agentId: agent.agentId,
      signingSecret: agent.signingSecret,
      registeredAt: agent.registeredAt,
      updatedAt: clock.now(),
    });
    const [again] = await sentToOpscore(store);
    expect(again?.body).toMatchObject({
      event_type: 'REGISTER',
      agent_details: { agentId: agent.agentId, version: '2' },
    });
    expect(await typesOf(store)).toEqual(['registered', 'updated']);
  });

  it.each([
    { version: '2' },
    { contactEndpoint: 'http://127.0.0.1:1/' },
    { capabilities: ['x'] },
    { metadata: { x: 1 } },
  ])('counts %o as a change', async (change) => {
    const { registry, registered, store } = setup();
    const { agentId } = await registered();
    const { agent } = await registry.upsert({ ...REGISTRATION, ...change }, ANYBODY);
    expect(agent).toMatchObject({ agentId, ...change });
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'REGISTER']);
    expect(await typesOf(store)).toEqual(['registered', 'updated']);
  });

  it('with another lease is a change of the agent, and none that Ops-Core is told of', async () => {
    const { registry, registered, store, clock } = setup();
    const before = await registered();
    clock.advance(1_000);
    const { agent } = await registry.upsert({ ...REGISTRATION, leaseSeconds: 30 }, ANYBODY);
    expect(agent).toMatchObject({ leaseSeconds: 30, updatedAt: clock.now() });
    expect(agent.revision).toBeGreaterThan(before.revision);
    expect(await typesOf(store)).toEqual(['registered', 'updated']);
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER']);
  });

  it.each(['offline', 'unreachable'] as const)(
    'brings back an agent that was %s, and makes its tasks due',
    async (status) => {
      const { registry, registered, store, clock, changed } = setup();
      const { agentId } = await registered();
      await giveTasks(store, agentId, 2);
      const since = { offline: { offlineAt: 1 }, unreachable: { unreachableAt: 1 } }[status];
      const holdUntil = Number.MAX_SAFE_INTEGER;
      await updateAgent(store, agentId, { status, ...since }, { holdUntil });
      const last = await store.agents.lastEvent();
      const { agent } = await registry.upsert(REGISTRATION, ANYBODY);
      expect(agent).toMatchObject({ status: 'online', offlineAt: null, unreachableAt: null });
      expect(changed.at(-1)).toEqual(agent);
      expect(await typesOf(store, last)).toEqual(['status']);
      const due = await store.outbox.claim({
        lease: { owner: 'w', until: clock.now() + 1 },
        probeIntervalMs: 1,
        now: clock.now(),
        limit: 10,
        maxBytes: 1_000,
        capacityOf: (lane) => (lane.startsWith('task:') ? 10 : 0),
      });
      expect(due.deliveries.map(({ probe }) => probe)).toEqual([false, false]);
    },
  );

  it('by whoever has a key gives a new token; the old one works for the overlap', async () => {
    const { registry, store, clock } = setup();
    const first = await registry.register(REGISTRATION, STARTER);
    const second = await registry.upsert(REGISTRATION, STARTER);
    const find = (token = '') => store.agents.findByTokenHash(tokenHash(token), clock.now());
    expect(second.agentToken).not.toBe(first.agentToken);
    clock.advance(OVERLAP_MS - 1);
    expect(await find(first.agentToken)).toBe(first.agent.agentId);
    clock.advance(1);
    expect(await find(first.agentToken)).toBeUndefined();
    expect(await find(second.agentToken)).toBe(first.agent.agentId);
  });

  it('by the agent itself leaves it the token that it came with', async () => {
    const { registry, store, clock } = setup();
    const { agent, agentToken = '' } = await registry.register(REGISTRATION, STARTER);
    const again = await registry.upsert(REGISTRATION, itself(agent));
    expect(again.agentToken).toBeUndefined();
    clock.advance(10 * OVERLAP_MS);
    expect(await store.agents.findByTokenHash(tokenHash(agentToken), clock.now())).toBe(
      agent.agentId,
    );
  });

  it('is for its owner, an admin and the agent itself, and nothing is written for others', async () => {
    const { registry, store } = setup();
    const { agent } = await registry.register(REGISTRATION, STARTER);
    const other = await registry.register({ ...REGISTRATION, agentName: 'b' }, STRANGER);
    for (const principal of [STRANGER, itself(other.agent)]) {
      const changed = { ...REGISTRATION, version: 'stolen' };
      await expect(registry.upsert(changed, principal)).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    for (const principal of [STARTER, ADMIN, itself(agent)]) {
      expect((await registry.upsert(REGISTRATION, principal)).agent.owner).toBe('starter');
    }
    const fresh = { ...REGISTRATION, agentName: 'new' };
    await expect(registry.upsert(fresh, itself(agent))).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('while it is being deregistered comes too early', async () => {
    const { registry, registered, store, clock } = setup();
    const { agentId } = await registered();
    await giveTasks(store, agentId, 1);
    await store.agents.remove(agentId, removal(clock.now(), { limit: 1 }));
    const agent = await store.agents.get(agentId);
    await expect(registry.upsert(REGISTRATION, ANYBODY)).rejects.toMatchObject({
      code: 'agent_name_taken',
    });
    await expect(registry.patch(agentId, {}, undefined, ANYBODY)).rejects.toMatchObject({
      code: 'agent_not_found',
    });
    expect(await store.agents.get(agentId)).toEqual(agent);
  });
});

describe('a patch', () => {
  it('changes what is given and keeps the rest; null clears', async () => {
    const { registry, store } = setup();
    const { agent } = await registry.register(
      { ...REGISTRATION, capabilities: ['x'], metadata: { a: 1 }, leaseSeconds: 30 },
      ANYBODY,
    );
    const patch = (fields: Parameters<typeof registry.patch>[1]) =>
      registry.patch(agent.agentId, fields, undefined, ANYBODY);
    expect(await patch({ version: '2' })).toMatchObject({
      ...REGISTRATION,
      version: '2',
      capabilities: ['x'],
      metadata: { a: 1 },
      leaseSeconds: 30,
    });
    expect(await patch({ capabilities: null, metadata: null, leaseSeconds: null })).toMatchObject({
      capabilities: [],
      metadata: {},
      leaseSeconds: null,
      leaseExpiresAt: null,
    });
    expect(eventsOf(await sentToOpscore(store))).toEqual(['REGISTER', 'REGISTER', 'REGISTER']);
  });

  it('that knows an older revision is refused, and changes nothing', async () => {
    const { registry, registered, store } = setup();
    const { agentId, revision } = await registered();
    const patch = (version: string) => registry.patch(agentId, { version }, revision, ANYBODY);
    const changed = await patch('2');
    await expect(patch('3')).rejects.toMatchObject({ code: 'revision_mismatch' });
    expect(await store.agents.get(agentId)).toEqual(changed);
  });

  it('of the lease alone makes the revision that was known before an older one', async () => {
    const { registry, registered } = setup();
    const agent = await registered();
    const patch = (leaseSeconds: number) =>
      registry.patch(agent.agentId, { leaseSeconds }, agent.revision, itself(agent));
    await patch(30);
    await expect(patch(60)).rejects.toMatchObject({ code: 'revision_mismatch' });
  });

  it('by an operator is no sign of life', async () => {
    const { registry, store, clock } = setup();
    const { agent } = await registry.register({ ...REGISTRATION, leaseSeconds: 30 }, STARTER);
    const offline = { status: 'offline', offlineAt: clock.now() } as const;
    await updateAgent(store, agent.agentId, offline);
    clock.advance(5_000);
    const patched = await registry.patch(agent.agentId, { version: '2' }, undefined, STARTER);
    expect(patched).toMatchObject({ ...offline, version: '2', lastSeenAt: agent.lastSeenAt });
  });

  it('is for its owner, an admin and the agent itself', async () => {
    const { registry } = setup();
    const { agent } = await registry.register(REGISTRATION, STARTER);
    const patch = (principal: Principal) =>
      registry.patch(agent.agentId, { version: '2' }, undefined, principal);
    await expect(patch(STRANGER)).rejects.toMatchObject({ code: 'forbidden' });
    for (const principal of [STARTER, ADMIN, itself(agent)]) {
      expect((await patch(principal)).version).toBe('2');
    }
    await expect(registry.patch('nobody', {}, undefined, ADMIN)).rejects.toMatchObject({
      code: 'agent_not_found',
    });
  });
});

describe('a sign of life', () => {
  it('is noted, and renews the lease', async () => {
    const { registry, registered, clock, store } = setup();
    const { agentId } = await registered({ leaseSeconds: 30 });
    const last = await store.agents.lastEvent();
    clock.advance(5_000);
    expect(await registry.heartbeat(agentId, ANYBODY)).toMatchObject({
      lastSeenAt: clock.now(),
      leaseExpiresAt: clock.now() + 30_000,
    });
    expect(await store.agents.lastEvent()).toBe(last);
    await expect(registry.heartbeat('nobody', ANYBODY)).rejects.toMatchObject({
      code: 'agent_not_found',
    });
  });

  it('of an agent that was offline brings it back, and tells the rest of the service', async () => {
    const { registry, registered, clock, store, changed } = setup();
    const { agentId } = await registered({ leaseSeconds: 30 });
    const offline = { status: 'offline', offlineAt: clock.now() } as const;
    await updateAgent(store, agentId, offline, { holdUntil: Number.MAX_SAFE_INTEGER });
    const last = await store.agents.lastEvent();
    clock.advance(5_000);
    const agent = await registry.heartbeat(agentId, ANYBODY);
    expect(agent).toMatchObject({
      status: 'online',
      offlineAt: null,
      lastSeenAt: clock.now(),
      leaseExpiresAt: clock.now() + 30_000,
    });
    expect(changed.at(-1)).toEqual(agent);
    expect(await typesOf(store, last)).toEqual(['status']);
  });

  it('is given by the agent, or for it by its owner or an admin', async () => {
    const { registry } = setup();
    const { agent } = await registry.register(REGISTRATION, STARTER);
    await expect(registry.heartbeat(agent.agentId, STRANGER)).rejects.toMatchObject({
      code: 'forbidden',
    });
    for (const principal of [itself(agent), STARTER, ADMIN]) {
      expect((await registry.heartbeat(agent.agentId, principal)).agentId).toBe(agent.agentId);
    }
  });
});

describe('a new signing secret', () => {
  it('signs from now on, and the one before it for the overlap as well', async () => {
    const { registry, registered, store, clock } = setup();
    const before = await registered();
    const after = await registry.rotateSecret(before.agentId, ANYBODY, {});
    expect(after.signingSecret).not.toBe(before.signingSecret);
    expect(after.previousSecret).toEqual({
      secret: before.signingSecret,
      until: clock.wall() + OVERLAP_MS,
      hexUntil: clock.wall(),
    });
    expect(await store.agents.get(before.agentId)).toEqual(after);
    const asked = { overlapMs: 5_000, hexAfterMs: 9_000 };
    const third = await registry.rotateSecret(before.agentId, ANYBODY, asked);
    expect(third.previousSecret).toEqual({
      secret: after.signingSecret,
      until: clock.wall() + 5_000,
      hexUntil: clock.wall() + 5_000,
    });
  });

  it('is for its owner, an admin and the agent itself', async () => {
    const { registry, store } = setup();
    const { agent } = await registry.register(REGISTRATION, STARTER);
    await expect(registry.rotateSecret(agent.agentId, STRANGER, {})).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await store.agents.get(agent.agentId)).toEqual(agent);
    await expect(registry.rotateSecret('nobody', ADMIN, {})).rejects.toMatchObject({
      code: 'agent_not_found',
    });
  });
});

it('events that are no longer kept are said to be', async () => {
  const { registry, registered, store, clock } = setup();
  await registered();
  await store.agents.pruneEvents(clock.now() + 1, 100);
  await expect(registry.events(0, 10)).rejects.toMatchObject({ code: 'events_expired' });
  expect(await registry.events(await registry.lastEvent(), 10)).toEqual([]);
});
