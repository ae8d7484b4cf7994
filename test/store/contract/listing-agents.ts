import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentFilter, Store } from '../../../src/store/store.ts';
import { removal, updateAgent } from '../../helpers/store.ts';
import { NOW, agentsFound, pagesOf, registered, type OpenStore } from './steps.ts';

export function listingAgents(open: OpenStore): void {
  const pages = (store: Store, filter: AgentFilter, limit: number) =>
    pagesOf((after) => store.agents.list(filter, { limit, after }));

  it('goes through all agents page by page, each once, in the order of their ids', async () => {
    const { store } = await open();
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.push((await registered(store)).agentId);
    const found = await pages(store, {}, 3);
    expect(found.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(found.flat().map(({ agentId }) => agentId)).toEqual(ids.sort());
  });

  it('says that there is no more when the last page is full', async () => {
    const { store } = await open();
    for (let i = 0; i < 4; i += 1) await registered(store);
    expect((await pages(store, {}, 2)).map((page) => page.length)).toEqual([2, 2]);
  });

  it('filters by all that is asked for at once', async () => {
    const { store } = await open();
    await registered(store, {
      agentName: 'a',
      version: '1',
      capabilities: ['x', 'y'],
      metadata: { team: 1 },
    });
    await registered(store, {
      agentName: 'ab',
      version: '1',
      capabilities: ['x'],
      metadata: { team: { b: 2 }, k: 0 },
    });
    await registered(store, {
      agentName: 'c',
      version: '2',
      capabilities: [],
      status: 'offline',
    });
    const names = (filter: AgentFilter) => agentsFound(store, filter);
    expect(await names({ namePrefix: 'a' })).toEqual(['a', 'ab']);
    expect(await names({ namePrefix: 'ab' })).toEqual(['ab']);
    expect(await names({ namePrefix: 'abc' })).toEqual([]);
    expect(await names({ namePrefix: 'b' })).toEqual([]);
    expect(await names({ namePrefix: 'A' })).toEqual([]);
    expect(await names({ namePrefix: '' })).toEqual(['a', 'ab', 'c']);
    expect(await names({ version: '1' })).toEqual(['a', 'ab']);
    expect(await names({ capabilities: ['x'] })).toEqual(['a', 'ab']);
    expect(await names({ capabilities: ['x', 'y'] })).toEqual(['a']);
    expect(await names({ capabilities: ['y', 'x', 'y'] })).toEqual(['a']);
    expect(await names({ capabilities: [] })).toEqual(['a', 'ab', 'c']);
    expect(await names({ capabilities: ['X'] })).toEqual([]);
    expect(await names({ capabilities: ['x', 'z'] })).toEqual([]);
    expect(await names({ status: 'online' })).toEqual(['a', 'ab']);
    expect(await names({ status: 'offline' })).toEqual(['c']);
    expect(await names({ status: 'deregistering' })).toEqual([]);
    expect(await names({ metadataKey: 'team' })).toEqual(['a', 'ab']);
    expect(await names({ metadataKey: 'k' })).toEqual(['ab']);
    expect(await names({ metadataKey: 'b' })).toEqual([]);
    expect(await names({ metadataKey: 'x' })).toEqual([]);
    expect(await names({ capabilities: ['team'] })).toEqual([]);
    expect(await names({ capabilities: ['x'], metadataKey: 'k' })).toEqual(['ab']);
    expect(await names({ capabilities: ['y'], metadataKey: 'k' })).toEqual([]);
    expect(await names({ version: '1', capabilities: ['x'], namePrefix: 'c' })).toEqual([]);
    expect(await names({ version: '2', namePrefix: 'c', status: 'offline' })).toEqual(['c']);
    const all = { capabilities: ['x'], metadataKey: 'team', version: '1', status: 'online' };
    expect(await names({ ...all, namePrefix: 'ab' })).toEqual(['ab']);
  });

  it('takes a filter for text, whatever is in it', async () => {
    const { store } = await open();
    const name = `'; DROP TABLE agents; -- %_"`;
    await registered(store, {
      agentName: name,
      capabilities: ['100%', 'a"b', 'c:d'],
      metadata: { "k'": 1, '%': 1 },
    });
    await registered(store);
    const found = async (filter: AgentFilter) => (await agentsFound(store, filter)).length;
    expect(await found({ namePrefix: name })).toBe(1);
    expect(await found({ namePrefix: `'; DROP` })).toBe(1);
    expect(await found({ namePrefix: '%' })).toBe(0);
    expect(await found({ namePrefix: '_' })).toBe(0);
    expect(await found({ capabilities: ['100%'] })).toBe(1);
    expect(await found({ capabilities: ['100_'] })).toBe(0);
    expect(await found({ capabilities: ['a"b', 'c:d'] })).toBe(1);
    expect(await found({ metadataKey: "k'" })).toBe(1);
    expect(await found({ metadataKey: '%' })).toBe(1);
  });

  it('finds by any beginning of a name exactly the names that begin so', async () => {
    const { store } = await open();
    const unit = fc.constantFrom(
      'a',
      'b',
      'B',
      ' ',
      '%',
      '_',
      'ü',
      'ж',
      '\uffff',
      '🚀',
      '\u{10FFFF}',
    );
    const text = fc.string({ unit, maxLength: 4 });
    const names = new Set(fc.sample(fc.string({ unit, minLength: 1, maxLength: 4 }), 60));
    for (const agentName of names) await registered(store, { agentName });
    await fc.assert(
      fc.asyncProperty(text, async (namePrefix) => {
        const expected = [...names].filter((name) => name.startsWith(namePrefix)).sort();
        expect(await agentsFound(store, { namePrefix })).toEqual(expected);
        const found = (await pages(store, { namePrefix }, 3)).flat();
        expect(found.map(({ agentName }) => agentName).sort()).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('finds by a beginning page by page, in the order of the names', async () => {
    const { store } = await open();
    for (const agentName of ['n-3', 'n-1', 'm', 'n-2', 'n', 'o', 'n-4']) {
      await registered(store, { agentName, version: agentName === 'n-2' ? '2' : '1' });
    }
    const names = (found: (readonly { agentName: string }[])[]) =>
      found.map((page) => page.map(({ agentName }) => agentName));
    expect(names(await pages(store, { namePrefix: 'n' }, 2))).toEqual([
      ['n', 'n-1'],
      ['n-2', 'n-3'],
      ['n-4'],
    ]);
    expect(names(await pages(store, { namePrefix: 'n-', version: '1' }, 2))).toEqual([
      ['n-1', 'n-3'],
      ['n-4'],
    ]);
  });

  it.each<[string, AgentFilter]>([
    ['a version', { version: 'odd' }],
    ['a status', { status: 'offline' }],
    ['a capability', { capabilities: ['odd'] }],
    ['two capabilities', { capabilities: ['all', 'odd'] }],
    ['a key of the metadata', { metadataKey: 'odd' }],
    ['a capability and a beginning', { capabilities: ['odd'], namePrefix: 'odd' }],
  ])('pages through what %s leaves', async (_what, filter) => {
    const { store } = await open();
    const odd: string[] = [];
    for (let i = 0; i < 10; i += 1) {
      const kind = i % 2 === 0 ? 'even' : 'odd';
      const { agentId } = await registered(store, {
        agentName: `${kind} ${9 - i}`,
        version: kind,
        capabilities: ['all', kind],
        metadata: { [kind]: i },
        status: kind === 'odd' ? 'offline' : 'online',
      });
      if (kind === 'odd') odd.push(agentId);
    }
    const found = await pages(store, filter, 2);
    expect(found.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(found.flat().map(({ agentId }) => agentId)).toEqual(odd.sort());
  });

  describe('while agents come and go', () => {
    it.each<[string, AgentFilter]>([
      ['all', {}],
      ['those of a capability', { capabilities: ['x'] }],
      ['those of a beginning', { namePrefix: 'n-' }],
    ])('shows each of %s that stays exactly once', async (_what, filter) => {
      const { store } = await open();
      let count = 0;
      const add = () => {
        // Names in no order, so that new ones come before, within and after the page that is read.
        count += 1;
        const agentName = `n-${(count * 7) % 100}`;
        return registered(store, { agentName, capabilities: ['x'], metadata: { count } });
      };
      const staying: string[] = [];
      const leaving: string[] = [];
      for (let i = 0; i < 12; i += 1) {
        (i % 3 === 0 ? leaving : staying).push((await add()).agentId);
      }
      const seen: string[] = [];
      let after: string | null = null;
      do {
        const page: Awaited<ReturnType<Store['agents']['list']>> = await store.agents.list(filter, {
          limit: 3,
          after,
        });
        seen.push(...page.items.map(({ agentId }) => agentId));
        after = page.next;
        await add();
        const gone = leaving.pop();
        if (gone !== undefined) await store.agents.remove(gone, removal(NOW));
        await updateAgent(store, staying[0] ?? '', { version: String(count) });
        expect(count).toBeLessThan(100);
      } while (after !== null);
      expect(new Set(seen).size).toBe(seen.length);
      expect(staying.filter((id) => !seen.includes(id))).toEqual([]);
    });
  });
}
