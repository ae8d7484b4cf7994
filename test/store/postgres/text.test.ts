import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromText, toText } from '../../../src/store/postgres/text.ts';
import { anAgent, claim, delivered, insert, openReplicas, register } from './steps.ts';

const anyText = fc.string({ unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a', 'b', 'ü', '🚀') });

describe('text with characters that PostgreSQL does not hold', () => {
  it('comes back as it was, prefixes stay prefixes', () => {
    fc.assert(
      fc.property(anyText, anyText, (text, more) => {
        expect(toText(text)).not.toContain('\0');
        expect(fromText(toText(text))).toBe(text);
        expect(toText(text + more).startsWith(toText(text))).toBe(true);
      }),
    );
  });

  it('is kept in names, tags, metadata and answers, and looked up', async () => {
    const { replicas } = await openReplicas(1);
    const [replica] = replicas;
    if (replica === undefined) throw new Error('no replica');
    const { store, clock } = replica;
    const odd = { capabilities: ['\0'], metadata: { 'k\0\u0001': '\0' }, agentName: 'n\0\u0001a' };
    const agent = await register(replica, odd);
    await register(replica, anAgent(clock.now(), { agentName: 'n\u0001' }));
    expect(await store.agents.get(agent.agentId)).toMatchObject(odd);
    const page = { limit: 10, after: null };
    for (const filter of [
      { capabilities: ['\0'] },
      { metadataKey: 'k\0\u0001' },
      { namePrefix: 'n\0' },
    ]) {
      expect((await store.agents.list(filter, page)).items).toMatchObject([odd]);
    }
    expect(await store.agents.get('\0')).toBeUndefined();
    expect(await store.tasks.get('\0')).toBeUndefined();

    const { id } = await insert(replica, agent.agentId);
    const [held] = (await claim(replica)).deliveries;
    if (held === undefined) throw new Error('nothing was claimed');
    const completion = delivered(held, clock.now());
    const attempt = { ...completion.attempt, responseExcerpt: 'bin\0\u0001ary' } as NonNullable<
      typeof completion.attempt
    >;
    expect(await store.outbox.complete({ ...completion, attempt })).toBe('done');
    expect((await store.tasks.get(id))?.attempts).toEqual([attempt]);
  });
});
