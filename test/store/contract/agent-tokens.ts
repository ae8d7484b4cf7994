import { expect, it } from 'vitest';
import { anAgent, aToken } from '../../helpers/records.ts';
import { insertAgent, removal, updateAgent } from '../../helpers/store.ts';
import { NOW, type OpenStore } from './steps.ts';

export function agentTokens(open: OpenStore): void {
  /** An agent with the token `first`. */
  async function setup() {
    const { store } = await open();
    await insertAgent(store, anAgent(), { token: aToken({ hash: 'of somebody else' }) });
    const { agentId } = await insertAgent(store, anAgent(), { token: aToken({ hash: 'first' }) });
    const find = (hash: string, now = NOW) => store.agents.findByTokenHash(hash, now);
    const replace = (hash: string, previousUntil: number) =>
      updateAgent(store, agentId, {}, { token: { hash, previousUntil } });
    return { store, agentId, find, replace };
  }

  it('leads to the agent that it was given to, and an unknown one to nobody', async () => {
    const { agentId, find } = await setup();
    expect(await find('first')).toBe(agentId);
    expect(await find('unknown')).toBeUndefined();
  });

  it('stays what it is over updates and heartbeats', async () => {
    const { store, agentId, find } = await setup();
    await updateAgent(store, agentId, { version: '2' }, { event: 'updated' });
    await store.agents.heartbeat(agentId, NOW);
    expect(await find('first')).toBe(agentId);
  });

  it('that was replaced works until the end of its overlap', async () => {
    const { agentId, find, replace } = await setup();
    await replace('second', 5_000);
    expect(await find('second')).toBe(agentId);
    expect(await find('first', 4_999)).toBe(agentId);
    expect(await find('first', 5_000)).toBeUndefined();
    expect(await find('second', 5_000)).toBe(agentId);
  });

  it('that was replaced twice is forgotten, whatever its overlap was', async () => {
    const { agentId, find, replace } = await setup();
    await replace('second', 5_000);
    await replace('third', 6_000);
    expect(await find('first')).toBeUndefined();
    expect(await find('second', 5_999)).toBe(agentId);
    expect(await find('third')).toBe(agentId);
  });

  it('goes with its agent, the one before it as well', async () => {
    const { store, agentId, find, replace } = await setup();
    await replace('second', 5_000);
    await store.agents.remove(agentId, removal(NOW));
    expect(await find('first')).toBeUndefined();
    expect(await find('second')).toBeUndefined();
  });
}
