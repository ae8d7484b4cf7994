import { expect, it } from 'vitest';
import type { OpenStore } from './steps.ts';

export function firstSeen(open: OpenStore): void {
  it('is now for a value that is new', async () => {
    const { store } = await open();
    expect(await store.firstSeen('secret', 'one', 1_000)).toBe(1_000);
  });

  it('stays what it was while the value does, over restarts', async () => {
    const { store, reopen } = await open();
    await store.firstSeen('secret', 'one', 1_000);
    expect(await store.firstSeen('secret', 'one', 2_000)).toBe(1_000);
    expect(await (await reopen()).firstSeen('secret', 'one', 3_000)).toBe(1_000);
  });

  it('begins anew with another value, and with the first when that comes back', async () => {
    const { store } = await open();
    await store.firstSeen('secret', 'one', 1_000);
    expect(await store.firstSeen('secret', 'two', 2_000)).toBe(2_000);
    expect(await store.firstSeen('secret', 'two', 3_000)).toBe(2_000);
    expect(await store.firstSeen('secret', 'one', 4_000)).toBe(4_000);
  });

  it('is of one name', async () => {
    const { store } = await open();
    await store.firstSeen('secret', 'one', 1_000);
    expect(await store.firstSeen('other', 'one', 2_000)).toBe(2_000);
    expect(await store.firstSeen('secret', 'one', 3_000)).toBe(1_000);
  });

  it('is one when several ask at the same moment', async () => {
    const { store } = await open();
    const seen = await Promise.all([5, 6, 7].map((now) => store.firstSeen('secret', 'one', now)));
    expect(new Set(seen).size).toBe(1);
  });
}
