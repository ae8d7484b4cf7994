import { expect, it } from 'vitest';
import { readEvents } from '../../dashboard/src/event-stream.ts';

/** The events in a body that comes in such pieces. */
async function eventsOf(...pieces: readonly (string | Uint8Array)[]) {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece as string));
      controller.close();
    },
  });
  const events: unknown[] = [];
  for await (const event of readEvents(body)) events.push(event);
  return events;
}

it('reads events, however they are cut', async () => {
  const text = 'event: overview\ndata: {"name":"ü"}\n\nevent: trouble\ndata: away\n\n';
  const expected = [
    { name: 'overview', data: '{"name":"ü"}' },
    { name: 'trouble', data: 'away' },
  ];
  expect(await eventsOf(text)).toEqual(expected);
  const bytes = Buffer.from(text);
  // In the middle of the ü, too.
  for (let at = 1; at < bytes.length; at += 1) {
    expect(await eventsOf(bytes.subarray(0, at), bytes.subarray(at))).toEqual(expected);
  }
});

it('passes over comments and what is not complete, and joins lines', async () => {
  expect(await eventsOf(': still here\n\n', 'data: 1\ndata:2\n\n', 'data: cut off')).toEqual([
    { name: 'message', data: '1\n2' },
  ]);
});
