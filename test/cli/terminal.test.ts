import { expect, it } from 'vitest';
import { table } from '../../src/cli/table.ts';
import { createTerminal } from '../../src/cli/terminal.ts';

function aStream(isTTY: boolean) {
  const stream = { isTTY, text: '', write: (text: string) => (stream.text += text) };
  return stream;
}

it('shows progress on stderr, in a terminal only, and wipes it before anything else is said', () => {
  const [pipe, screen] = [aStream(false), aStream(true)];
  const toPipe = createTerminal(aStream(true), pipe, {});
  toPipe.progress('1 of 2');
  toPipe.say('done');
  expect(pipe.text).toBe('done\n');
  const toScreen = createTerminal(screen, screen, {});
  toScreen.progress('1 of 2');
  toScreen.progress('2 of 2');
  toScreen.print('data');
  expect(screen.text).toBe('1 of 2\r\x1b[K2 of 2\r\x1b[Kdata\n');
});

it('marks what matters in a terminal, unless NO_COLOR is set', () => {
  const strong = (isTTY: boolean, env: Record<string, string>) =>
    createTerminal(aStream(isTTY), aStream(true), env).strong('x');
  expect(strong(true, {})).toBe('\x1b[1mx\x1b[22m');
  expect(strong(true, { NO_COLOR: '' })).toBe('\x1b[1mx\x1b[22m');
  expect(strong(true, { NO_COLOR: '1' })).toBe('x');
  expect(strong(true, { TERM: 'dumb' })).toBe('x');
  expect(strong(false, {})).toBe('x');
});

it('sets tables in columns, numbers to the right', () => {
  expect(
    table([
      ['table', 'rows'],
      ['agents', 12_000],
      ['x', 3],
    ]),
  ).toBe('table    rows\nagents  12000\nx           3');
});
