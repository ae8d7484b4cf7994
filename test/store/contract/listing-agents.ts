import { expect, it } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { pagesOf, registered, type OpenStore } from './steps.ts';

export function listingAgents(open: OpenStore): void {
  it('goes through all agents page by page, each once, in the order of their ids', async () => {
    const { store } = await open();
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.push((await registered(store)).agentId);
    const pages = await pagesOf((after) => store.agents.list({}, { limit: 3, after }));
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(pages.flat().map(({ agentId }) => agentId)).toEqual(ids.sort());
  });

  it('says that there is no more when the last page is full', async () => {
    const { store } = await open();
    for (let i = 0; i < 4; i += 1) await registered(store);
    const pages = await pagesOf((after) => store.agents.list({}, { limit: 2, after }));
    expect(pages.map((page) => page.length)).toEqual([2, 2]);
  });

  it('filters by name, version, status and capabilities, all of them at once', async () => {
    const { store } = await open();
    const a = await registered(store, {
      agentName: 'a',
      version: '1',
      capabilities: ['x', 'y'],
    });
    const b = await registered(store, { agentName: 'b', version: '1', capabilities: ['x'] });
    const c = await registered(store, { agentName: 'c', version: '2', capabilities: [] });
    const names = async (filter: Parameters<Store['agents']['list']>[0]) =>
      (await store.agents.list(filter, { limit: 10, after: null })).items
        .map(({ agentName }) => agentName)
        .sort();
    expect(await names({ name: 'b' })).toEqual([b.agentName]);
    expect(await names({ version: '1' })).toEqual([a.agentName, b.agentName]);
    expect(await names({ capabilities: ['x'] })).toEqual([a.agentName, b.agentName]);
    expect(await names({ capabilities: ['x', 'y'] })).toEqual([a.agentName]);
    expect(await names({ capabilities: ['y', 'x', 'y'] })).toEqual([a.agentName]);
    expect(await names({ capabilities: [] })).toEqual(['a', 'b', 'c']);
    expect(await names({ capabilities: ['X'] })).toEqual([]);
    expect(await names({ status: 'online' })).toEqual(['a', 'b', 'c']);
    expect(await names({ status: 'deregistering' })).toEqual([]);
    expect(await names({ version: '1', capabilities: ['x'], name: 'c' })).toEqual([]);
    expect(await names({ version: '2', name: c.agentName })).toEqual(['c']);
  });

  it('takes a filter for text, whatever is in it', async () => {
    const { store } = await open();
    const name = `'; DROP TABLE agents; -- %_"`;
    await registered(store, { agentName: name, capabilities: ['100%', 'a"b'] });
    await registered(store);
    const found = async (filter: Parameters<Store['agents']['list']>[0]) =>
      (await store.agents.list(filter, { limit: 10, after: null })).items.length;
    expect(await found({ name })).toBe(1);
    expect(await found({ name: '%' })).toBe(0);
    expect(await found({ capabilities: ['100%'] })).toBe(1);
    expect(await found({ capabilities: ['a"b'] })).toBe(1);
  });

  it('pages through what the filter leaves', async () => {
    const { store } = await open();
    for (let i = 0; i < 6; i += 1) {
      await registered(store, { version: i % 2 === 0 ? 'even' : 'odd' });
    }
    const pages = await pagesOf((after) =>
      store.agents.list({ version: 'odd' }, { limit: 2, after }),
    );
    expect(pages.map((page) => page.length)).toEqual([2, 1]);
  });
}
