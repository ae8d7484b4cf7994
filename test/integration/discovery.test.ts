import { describe, expect, it } from 'vitest';
import type { AgentEvent, AgentFilter } from '../../src/sdk/index.ts';
import { deadUrl } from '../liveness/helpers/agents.ts';
import { tempDir } from '../liveness/helpers/child.ts';
import { eventually } from '../liveness/helpers/eventually.ts';
import { startOpscore } from '../liveness/helpers/opscore.ts';
import { jumpingClock, startService } from '../liveness/helpers/service.ts';

const names = (agents: readonly { agentName: string }[]) => agents.map((one) => one.agentName);

describe('GET /v1/agents', () => {
  it('finds agents by each filter, and by all of them together', async () => {
    const { client } = await startService({ PROBE_INTERVAL: '1h' });
    const contactEndpoint = await deadUrl();
    const base = { version: '1', contactEndpoint };
    await client.registerAgent({
      ...base,
      agentName: 'sum-a',
      capabilities: ['sum', 'math'],
      metadata: { team: 'x', region: { eu: true } },
    });
    await client.registerAgent({
      ...base,
      agentName: 'sum-b',
      capabilities: ['sum'],
      version: '2',
    });
    await client.registerAgent({ ...base, agentName: 'Sum-c', metadata: { team: null } });
    await client.registerAgent({ ...base, agentName: 'summe_%', capabilities: ['math'] });
    const short = { ...base, agentName: 'late', capabilities: ['sum'], leaseSeconds: 1 };
    await client.registerAgent(short);
    await eventually(async () => {
      expect(names((await client.listAgents({ status: 'offline' })).agents)).toEqual(['late']);
    });
    const found = async (filter: AgentFilter) => names((await client.listAgents(filter)).agents);
    expect(await found({})).toEqual(['sum-a', 'sum-b', 'Sum-c', 'summe_%', 'late']);
    expect(await found({ capability: 'sum' })).toEqual(['sum-a', 'sum-b', 'late']);
    expect(await found({ capability: ['math', 'sum'] })).toEqual(['sum-a']);
    expect(await found({ capability: 'su' })).toEqual([]);
    expect(await found({ name: 'sum' })).toEqual(['sum-a', 'sum-b', 'summe_%']);
    expect(await found({ name: 'summe_' })).toEqual(['summe_%']);
    expect(await found({ name: '%' })).toEqual([]);
    expect(await found({ version: '2' })).toEqual(['sum-b']);
    expect(await found({ metadataKey: 'team' })).toEqual(['sum-a', 'Sum-c']);
    expect(await found({ metadataKey: 'eu' })).toEqual([]);
    expect(await found({ status: 'online', capability: 'sum' })).toEqual(['sum-a', 'sum-b']);
    const all = { capability: ['sum', 'math'], name: 'sum', version: '1', status: 'online' };
    expect(await found({ ...all, metadataKey: 'region' })).toEqual(['sum-a']);
    expect(await found({ ...all, metadataKey: 'absent' })).toEqual([]);
    await expect(client.listAgents({ status: 'idle' })).rejects.toMatchObject({ statusCode: 422 });
  });

  it.each([
    ['in the order of registration', {}],
    ['by capability', { capability: 'c' }],
    ['by name', { name: 'a' }],
    ['by metadata', { metadataKey: 'k' }],
    ['by version and status', { version: '1', status: 'online' }],
  ] satisfies [string, AgentFilter][])(
    'walks pages %s while agents come and go: misses none that stayed, repeats none',
    async (_how, filter) => {
      const { client } = await startService();
      const contactEndpoint = await deadUrl();
      const register = (agentName: string) =>
        client.registerAgent({
          agentName,
          version: '1',
          contactEndpoint,
          capabilities: ['c'],
          metadata: { k: 1 },
        });
      const stayed = new Set<string>();
      // Names in an order that has nothing to do with that of registration.
      for (let n = 0; n < 300; n += 1) stayed.add((await register(nameOf(n))).agentId);
      const leaving = await Promise.all(
        Array.from({ length: 50 }, (_, n) => register(nameOf(1_000 + n))),
      );

      const walk = { done: false };
      const churn = (async () => {
        for (let n = 2_000; !walk.done; n += 1) {
          await register(nameOf(n));
          const gone = leaving.pop();
          if (gone !== undefined) await client.deregisterAgent(gone.agentId);
        }
      })();
      const seen: string[] = [];
      for await (const { agentId } of client.iterateAgents({ ...filter, limit: 7 })) {
        seen.push(agentId);
      }
      walk.done = true;
      await churn;
      expect(new Set(seen).size).toBe(seen.length);
      expect([...stayed].filter((agentId) => !seen.includes(agentId))).toEqual([]);
    },
  );

  it('answers 304 to its ETag until something about an agent changes; heartbeats do not', async () => {
    const { client, url } = await startService();
    const agent = { agentName: 'a', version: '1', contactEndpoint: await deadUrl() };
    const { agentId } = await client.registerAgent({ ...agent, leaseSeconds: 600 });
    const { etag } = await client.listAgents();
    const ask = (ifNoneMatch = etag) => client.listAgents({}, { ifNoneMatch });
    await client.heartbeat(agentId);
    await client.upsertAgent({ ...agent, leaseSeconds: 600 });
    expect(await ask()).toEqual({ notModified: true, etag });
    const raw = (tag: string) => fetch(`${url}/v1/agents`, { headers: { 'if-none-match': tag } });
    for (const tag of ['*', `"x", ${String(etag)}`, String(etag).replace('W/', '')]) {
      expect((await raw(tag)).status).toBe(304);
    }
    expect((await raw('"x"')).status).toBe(200);

    await client.patchAgent(agentId, { version: '2' });
    const patched = await ask();
    expect(patched).toMatchObject({ notModified: false, agents: [{ version: '2' }] });
    expect(patched.etag).not.toBe(etag);
    await client.upsertAgent({ ...agent, version: '2', leaseSeconds: 1 });
    expect(await ask(patched.etag)).toMatchObject({ agents: [{ leaseSeconds: 1 }] });
    await eventually(async () => {
      expect(await client.getAgent(agentId)).toMatchObject({ status: 'offline' });
    });
    const offline = await ask(patched.etag);
    expect(offline).toMatchObject({ agents: [{ status: 'offline' }] });
    await client.heartbeat(agentId);
    const online = await ask(offline.etag);
    expect(online).toMatchObject({ agents: [{ status: 'online' }] });
    await client.deregisterAgent(agentId);
    expect(await ask(online.etag)).toMatchObject({ notModified: false, agents: [] });
  });
});

describe('GET /v1/agents/changes', () => {
  it('tells everything once and in order, to a reader that follows concurrent writers', async () => {
    const { client } = await startService();
    const contactEndpoint = await deadUrl();
    const agent = (name: string) => ({ agentName: name, version: '1', contactEndpoint });
    await client.registerAgent(agent('before'));
    const { changesCursor } = await client.listAgents();

    const life = async (n: number): Promise<void> => {
      const { agentId } = await client.registerAgent(agent(`w${String(n)}`));
      await client.heartbeat(agentId);
      await client.patchAgent(agentId, { metadata: { n } });
      await client.upsertAgent({ ...agent(`w${String(n)}`), version: '2' });
      await client.deregisterAgent(agentId);
    };
    const writing = { done: false };
    const writers = Promise.all(Array.from({ length: 60 }, (_, n) => life(n))).then(() => {
      writing.done = true;
    });
    const events: AgentEvent[] = [];
    let since = changesCursor;
    for (let last = false; !last;) {
      last = writing.done;
      for (;;) {
        const page = await client.listChanges(since, { limit: 7 });
        events.push(...page.changes);
        since = page.nextCursor ?? undefined;
        if (page.changes.length < 7) break;
      }
    }
    await writers;
    const seqs = events.map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: 240 }, (_, n) => (seqs[0] ?? 0) + n));
    const lives = Map.groupBy(events, ({ agentId }) => agentId);
    expect(lives.size).toBe(60);
    for (const life of lives.values()) {
      expect(life.map(({ type }) => type)).toEqual([
        'registered',
        'updated',
        'updated',
        'deregistered',
      ]);
      expect(life.map(({ agent }) => agent?.revision)).toEqual([
        ...life.slice(0, 3).map(({ seq }) => seq),
        undefined,
      ]);
      expect(JSON.stringify(life)).not.toContain('whsec_');
    }
    expect(await client.listChanges(since)).toEqual({ changes: [], nextCursor: since });
  });

  it('lets Ops-Core reconcile: a list and its changes make the list of now', async () => {
    const { client } = await startService();
    const contactEndpoint = await deadUrl();
    const agent = (name: string) => ({ agentName: name, version: '1', contactEndpoint });
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) ids.push((await client.registerAgent(agent(name))).agentId);
    const { agents, changesCursor } = await client.listAgents();
    const known = new Map(agents.map((one) => [one.agentId, one]));
    await client.deregisterAgent(String(ids[0]));
    await client.patchAgent(String(ids[1]), { version: '2' });
    await client.registerAgent(agent('d'));
    const { changes } = await client.listChanges(changesCursor);
    for (const { agentId, agent: now } of changes) {
      if (now === null) known.delete(agentId);
      else known.set(agentId, now);
    }
    expect([...known.values()]).toEqual((await client.listAgents()).agents);
  });

  it('says 410 once what follows a cursor was pruned, or is of another database', async () => {
    const clock = jumpingClock();
    const { client, service } = await startService({ RETENTION: '1h' }, { clock });
    const contactEndpoint = await deadUrl();
    const register = (agentName: string) =>
      client.registerAgent({ agentName, version: '1', contactEndpoint });
    await register('a');
    const early = (await client.listAgents()).changesCursor;
    await register('b');
    const late = (await client.listAgents()).changesCursor;
    // What retention does once a minute.
    await service.store.agents.pruneEvents(clock.now() + 1, 500);
    await expect(client.listChanges(early)).rejects.toMatchObject({
      code: 'events_expired',
      statusCode: 410,
    });
    await expect(client.listChanges()).rejects.toMatchObject({ code: 'events_expired' });
    expect((await client.listChanges(late)).changes).toEqual([]);
    await register('c');
    expect((await client.listChanges(late)).changes).toMatchObject([{ agent: { agentName: 'c' } }]);
    const other = await startService({}, { dir: tempDir() });
    await expect(other.client.listChanges(late)).rejects.toMatchObject({ code: 'events_expired' });
    await expect(client.listChanges('nonsense')).rejects.toMatchObject({ statusCode: 422 });
  });
});

describe('PATCH /v1/agents/{agent_id}', () => {
  it('changes what is given, of the revision that the caller knows, and sends one REGISTER', async () => {
    const opscore = await startOpscore();
    const { client } = await startService(opscore.env);
    const agent = { agentName: 'a', version: '1', contactEndpoint: await deadUrl() };
    const { agentId } = await client.registerAgent({ ...agent, metadata: { kept: true } });
    const known = await client.getAgent(agentId);
    const ifMatch = known.revision;
    const patched = await client.patchAgent(agentId, { capabilities: ['c'] }, { ifMatch });
    expect(patched).toMatchObject({ capabilities: ['c'], version: '1', metadata: { kept: true } });
    expect(patched.revision).not.toBe(ifMatch);
    await expect(client.patchAgent(agentId, { version: '3' }, { ifMatch })).rejects.toMatchObject({
      code: 'revision_mismatch',
      statusCode: 412,
    });
    // Nothing new: no revision, no webhook.
    const same = await client.patchAgent(agentId, { capabilities: ['c'] });
    expect(same.revision).toBe(patched.revision);
    // Of many who know one revision, one wins.
    const race = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        client.patchAgent(agentId, { version: `r${String(n)}` }, { ifMatch: same.revision }),
      ),
    );
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(client.patchAgent(agentId, { agentName: 'b' } as never)).rejects.toMatchObject({
      statusCode: 422,
    });
    await client.deregisterAgent(agentId);
    await eventually(() => {
      expect(opscore.story(agentId)).toEqual(['REGISTER', 'REGISTER', 'REGISTER', 'DEREGISTER']);
    });
    await expect(client.patchAgent(agentId, {})).rejects.toMatchObject({ code: 'agent_not_found' });
  });

  it('by an operator does not revive an agent that is offline, whatever it changes; a heartbeat does', async () => {
    const { client } = await startService();
    const agent = { agentName: 'a', version: '1', contactEndpoint: await deadUrl() };
    const { agentId } = await client.registerAgent({ ...agent, leaseSeconds: 1 });
    await eventually(async () => {
      expect((await client.getAgent(agentId)).status).toBe('offline');
    });
    const { lastSeenAt } = await client.getAgent(agentId);
    const contactEndpoint = await deadUrl();
    for (const fields of [{ version: '2' }, { contactEndpoint }, { leaseSeconds: 60 }]) {
      expect(await client.patchAgent(agentId, fields)).toMatchObject({
        status: 'offline',
        lastSeenAt,
      });
    }
    expect(await client.heartbeat(agentId)).toMatchObject({ status: 'online', version: '2' });
  });

  it('that takes the lease away ends being offline: there is nothing left to miss', async () => {
    const { client } = await startService({ AGENT_EXPIRY: '1s' });
    const agent = { agentName: 'a', version: '1', contactEndpoint: await deadUrl() };
    const { agentId } = await client.registerAgent({ ...agent, leaseSeconds: 1 });
    await eventually(async () => {
      expect((await client.getAgent(agentId)).status).toBe('offline');
    });
    const patched = await client.patchAgent(agentId, { leaseSeconds: null });
    expect(patched).toMatchObject({ status: 'online', leaseExpiresAt: null });
    // Another that is offline for AGENT_EXPIRY is deregistered; this one is not.
    await client.registerAgent({ ...agent, agentName: 'b', leaseSeconds: 1 });
    await eventually(async () => {
      expect(names((await client.listAgents()).agents)).toEqual(['a']);
    });
  });
});

/** Spread over the alphabet: the n-th name has no place that n would tell. */
function nameOf(n: number): string {
  return `a${((n * 7919) % 10_007).toString(36)}-${String(n)}`;
}
