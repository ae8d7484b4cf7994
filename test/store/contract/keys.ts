import { expect, it } from 'vitest';
import type { ApiKey } from '../../../src/store/store.ts';
import { NOW, type OpenStore } from './steps.ts';

function aKey(changes: Partial<ApiKey> = {}): ApiKey {
  const name = changes.name ?? 'operator';
  return {
    name,
    scope: 'admin',
    hash: `hash of ${name}`,
    prefix: 'agk_1234',
    createdAt: 1_000,
    previousUntil: null,
    ...changes,
  };
}

export function keys(open: OpenStore): void {
  it('are found by their hash, and listed by name', async () => {
    const { store } = await open();
    expect(await store.keys.list()).toEqual([]);
    const b = aKey({ name: 'b', scope: 'read' });
    const a = aKey({ name: 'a', scope: 'dispatch', prefix: 'agk_abcd', createdAt: 5_000 });
    expect(await store.keys.insert(b)).toBe('inserted');
    expect(await store.keys.insert(a)).toBe('inserted');
    expect(await store.keys.list()).toEqual([a, b]);
    expect(await store.keys.findByHash(a.hash, NOW)).toEqual(a);
    expect(await store.keys.findByHash('unknown', NOW)).toBeUndefined();
  });

  it('have a name of their own: the first keeps it', async () => {
    const { store } = await open();
    const first = aKey();
    const second = aKey({ hash: 'other', scope: 'read' });
    const outcomes = await Promise.all([store.keys.insert(first), store.keys.insert(second)]);
    expect(outcomes).toEqual(['inserted', 'name_taken']);
    expect(await store.keys.list()).toEqual([first]);
    expect(await store.keys.findByHash('other', NOW)).toBeUndefined();
  });

  it('that are replaced work until the end of their overlap', async () => {
    const { store } = await open();
    const key = aKey();
    await store.keys.insert(key);
    await store.keys.insert(aKey({ name: 'another' }));
    const next = { hash: 'second', prefix: 'agk_5678', previousUntil: 5_000 };
    const rotated = { ...key, ...next };
    expect(await store.keys.rotate(key.name, next)).toEqual(rotated);
    expect(await store.keys.findByHash('second', NOW)).toEqual(rotated);
    expect(await store.keys.findByHash(key.hash, 4_999)).toEqual(rotated);
    expect(await store.keys.findByHash(key.hash, 5_000)).toBeUndefined();
    expect(await store.keys.findByHash('second', 5_000)).toEqual(rotated);
    expect((await store.keys.list()).map(({ name }) => name)).toEqual(['another', 'operator']);
  });

  it('that are replaced twice are forgotten, whatever their overlap was', async () => {
    const { store } = await open();
    const key = aKey();
    await store.keys.insert(key);
    await store.keys.rotate(key.name, { hash: 'second', prefix: 'p', previousUntil: 9_000 });
    await store.keys.rotate(key.name, { hash: 'third', prefix: 'p', previousUntil: 9_000 });
    expect(await store.keys.findByHash(key.hash, NOW)).toBeUndefined();
    expect(await store.keys.findByHash('second', NOW)).toBeDefined();
    expect(await store.keys.findByHash('third', NOW)).toBeDefined();
  });

  it('that are removed work no more, the one before neither, and their name is free', async () => {
    const { store } = await open();
    const key = aKey();
    await store.keys.insert(key);
    await store.keys.rotate(key.name, { hash: 'second', prefix: 'p', previousUntil: 9_000 });
    expect(await store.keys.remove(key.name, { lastAdminStays: false })).toBe('removed');
    expect(await store.keys.findByHash('second', NOW)).toBeUndefined();
    expect(await store.keys.findByHash(key.hash, NOW)).toBeUndefined();
    expect(await store.keys.remove(key.name, { lastAdminStays: false })).toBe('not_found');
    expect(await store.keys.insert(key)).toBe('inserted');
    expect(await store.keys.findByHash(key.hash, NOW)).toEqual(key);
  });

  it('that are removed all at once leave one admin, if one is to stay', async () => {
    const { store } = await open();
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(names.map((name) => store.keys.insert(aKey({ name }))));
    await store.keys.insert(aKey({ name: 'reader', scope: 'read' }));
    const remove = (name: string) => store.keys.remove(name, { lastAdminStays: true });
    const outcomes = await Promise.all(names.map(remove));
    expect(outcomes.toSorted()).toEqual(['last_admin', 'removed', 'removed', 'removed']);
    expect(await remove('reader')).toBe('removed');
    expect(await remove('nothing')).toBe('not_found');
    const [left, ...more] = await store.keys.list();
    expect(more).toEqual([]);
    expect(await remove(left?.name ?? '')).toBe('last_admin');
    expect(await store.keys.remove(left?.name ?? '', { lastAdminStays: false })).toBe('removed');
  });

  it('that are not there cannot be replaced', async () => {
    const { store } = await open();
    const next = { hash: 'h', prefix: 'p', previousUntil: 9_000 };
    expect(await store.keys.rotate('nothing', next)).toBeUndefined();
    expect(await store.keys.findByHash('h', NOW)).toBeUndefined();
  });

  it('are kept over a restart', async () => {
    const { store, reopen } = await open();
    await store.keys.insert(aKey());
    const next = { hash: 'second', prefix: 'p', previousUntil: 9_000 };
    const rotated = await store.keys.rotate('operator', next);
    expect(await (await reopen()).keys.list()).toEqual([rotated]);
  });
}
