import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Feed } from '../../src/overview/feed.ts';
import { testLog } from '../helpers/log.ts';
import { settle } from '../helpers/until.ts';

const allowed = async () => true;

/** A feed whose summaries are numbered, and how many were asked for. */
function aFeed({
  fails = () => false,
  maxStreams = 32,
}: { fails?: () => boolean; maxStreams?: number } = {}) {
  let asked = 0;
  const summary = async () => {
    asked += 1;
    if (fails()) throw new Error('the store is away');
    return String(asked);
  };
  return { feed: new Feed({ summary, log: testLog(), maxStreams }), asked: () => asked };
}

/** What a reader of a stream has got. */
function readerOf(feed: Feed, stillAllowed = allowed) {
  const stream = feed.open(stillAllowed);
  if (stream === undefined) throw new Error('refused');
  const got: string[] = [];
  stream.setEncoding('utf8').on('data', (text: string) => got.push(text));
  return { stream, got };
}

async function second(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1_000);
  await settle();
}

describe('the feed', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  it('tells everybody the same, at once and every second, and asks once for all', async () => {
    const { feed, asked } = aFeed();
    const [one, other] = [readerOf(feed), readerOf(feed)];
    await settle();
    await second();
    expect(one.got).toEqual(['event: overview\ndata: 1\n\n', 'event: overview\ndata: 2\n\n']);
    expect(other.got).toEqual(one.got);
    expect(asked()).toBe(2);
    feed.close();
  });

  it('asks for nothing while nobody listens', async () => {
    const { feed, asked } = aFeed();
    await second();
    expect(asked()).toBe(0);
    const { stream } = readerOf(feed);
    await settle();
    stream.destroy();
    await settle();
    expect(feed.streams).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    await second();
    expect(asked()).toBe(1);
  });

  it('gives one that did not read the newest summary, and not those before it', async () => {
    const { feed } = aFeed();
    const stream = feed.open(allowed);
    let release: (() => void) | undefined;
    const got: string[] = [];
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        got.push(chunk.toString());
        release = done;
      },
    });
    stream?.pipe(slow);
    await settle();
    for (let i = 0; i < 10; i += 1) await second();
    for (let i = 0; i < 5; i += 1) {
      const done = release;
      release = undefined;
      done?.();
      await settle();
    }
    const numbers = got.map((text) => Number(/data: (\d+)/.exec(text)?.[1]));
    // One was on its way to it, one waited in the stream, and then comes the last.
    expect(numbers.at(-1)).toBe(11);
    expect(numbers.length).toBeLessThanOrEqual(3);
    feed.close();
  });

  it('ends the stream of one whose credential counts no more', async () => {
    const { feed } = aFeed();
    let still = true;
    const revoked = readerOf(feed, async () => still);
    const other = readerOf(feed);
    await settle();
    still = false;
    await second();
    expect(revoked.stream.readableEnded).toBe(true);
    expect(revoked.got).toHaveLength(1);
    expect(other.got).toHaveLength(2);
    await second();
    expect(feed.streams).toBe(1);
    feed.close();
  });

  it('says so while it cannot tell, and goes on', async () => {
    let away = true;
    const { feed } = aFeed({ fails: () => away });
    const { got } = readerOf(feed);
    await settle();
    away = false;
    await second();
    expect(got[0]).toMatch(/^event: trouble\ndata: \{"message":"The store/);
    expect(got[0]).not.toContain('away');
    expect(got[1]).toMatch(/^event: overview/);
    feed.close();
  });

  it('takes as many as may be, and one more when one is gone', async () => {
    const { feed } = aFeed({ maxStreams: 2 });
    const { stream } = readerOf(feed);
    readerOf(feed);
    expect(feed.open(allowed)).toBeUndefined();
    stream.destroy();
    await settle();
    expect(feed.open(allowed)).toBeDefined();
    feed.close();
  });

  it('ends all streams when it closes, and opens none any more', async () => {
    const { feed } = aFeed();
    const { stream } = readerOf(feed);
    await settle();
    feed.close();
    await settle();
    expect(stream.readableEnded).toBe(true);
    expect(feed.open(allowed)).toBeUndefined();
  });
});
