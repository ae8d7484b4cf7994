import { describe, expect, it } from 'vitest';
import { confirm, Story } from '../../examples/demo/story.ts';

const never = new Promise<never>(() => undefined);

function startStory(times: { stepMs?: number; storyMs?: number } = {}) {
  const told: string[] = [];
  const print = (line: string): void => void told.push(line);
  return { told, story: new Story({ print, secrets: ['a very secret value', ''], ...times }) };
}

describe('a story', () => {
  it('tells a step once it has happened, with its number and without a secret', async () => {
    const { story, told } = startStory();
    const happening = Promise.resolve({ id: 7 });
    const value = await story.step('a → b', 'greets', happening, ({ id }) => `hello ${String(id)}`);
    await story.step('b → a', 'answers', happening, () => 'a very secret value');
    story.end();
    expect(value).toEqual({ id: 7 });
    expect(told).toEqual([
      ' 1  a → b                  hello 7',
      ' 2  b → a                  [secret]',
    ]);
  });

  it.each([
    [
      'does not happen in time',
      { stepMs: 1 },
      () => never,
      'a: greets: did not happen within 1 ms',
    ],
    [
      'is not told in time',
      { storyMs: 1 },
      () => never,
      'the story was not over after 1 ms (awaited: a, greets)',
    ],
    ['goes wrong', {}, () => Promise.reject(new Error('no')), 'a: greets: no'],
  ])('ends with a step that %s', async (_name, times, happening, message) => {
    const { story, told } = startStory(times);
    await expect(story.step('a', 'greets', happening(), () => 'hello')).rejects.toThrow(message);
    story.end();
    expect(told).toEqual([]);
  });

  it('ends when something failed elsewhere, even between two steps', async () => {
    const { story, told } = startStory();
    story.fail('b ended with 1');
    story.fail('a ended with 1');
    const step = story.step('a', 'greets', Promise.resolve(), () => 'hello');
    await expect(step).rejects.toThrow('b ended with 1 (awaited: a, greets)');
    story.end();
    expect(told).toEqual([]);
  });
});

it('confirm wants each field as it should be, and names the one that is not', () => {
  const actual = { state: 'idle', result: { a: [1] }, more: true };
  expect(confirm(actual, { state: 'idle', result: { a: [1] } })).toBe(actual);
  expect(() => confirm(actual, { state: 'active' })).toThrow('state is "idle", not "active"');
  expect(() => confirm(actual, { taskId: 't' })).toThrow('taskId is undefined, not "t"');
});
