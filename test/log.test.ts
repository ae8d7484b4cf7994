import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LogDestination, prettyFormat } from '../src/log.ts';
import { tempDir } from './helpers/temp-dir.ts';
import { until } from './helpers/until.ts';

/** A pipe whose reader is slow: it takes 64 KiB, and then no more until `read` is called. */
function slowReader() {
  const path = join(tempDir(), 'pipe');
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  const chunks: Buffer[] = [];
  const buffer = Buffer.alloc(1_048_576);
  return {
    fd,
    /** All that it was given so far. */
    read: (): string => {
      try {
        for (;;) chunks.push(Buffer.from(buffer.subarray(0, readSync(fd, buffer))));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      return Buffer.concat(chunks).toString();
    },
  };
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await nextTurn();
}

const lineOf = (n: number) => `${String(n)} ${'é'.repeat(500)}\n`;

it('keeps lines in their order while their reader is slow', async () => {
  const { fd, read } = slowReader();
  const log = new LogDestination(fd, () => undefined);
  const lines = Array.from({ length: 1_000 }, (_, n) => lineOf(n));
  for (const line of lines) {
    log.write(line);
    await Promise.resolve();
  }
  await until(() => read().length === lines.join('').length, 'all lines arrive');
  expect(read()).toBe(lines.join(''));
});

/** No timer fires by itself from here on. */
async function afterFirstLine() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { fd, read } = slowReader();
  const log = new LogDestination(fd, () => undefined);
  log.write('first\n');
  await until(() => read() === 'first\n', 'the first line');
  return { log, read };
}

it('writes a line at once, and together what comes soon after', async () => {
  const { log, read } = await afterFirstLine();
  for (let n = 0; n < 3; n += 1) {
    log.write(`${String(n)}\n`);
    await turns(10);
  }
  expect(read()).toBe('first\n');
  vi.advanceTimersByTime(10);
  await until(() => read() === 'first\n0\n1\n2\n', 'the others');
  vi.advanceTimersByTime(10);
  log.write('last\n');
  await until(() => read().endsWith('last\n'), 'a line after a pause');
});

it('does not wait with much', async () => {
  const { log, read } = await afterFirstLine();
  const much = `${'x'.repeat(65_536)}\n`;
  log.write(much);
  await until(() => read() === `first\n${much}`, 'the rest');
});

it('holds so much of what cannot be written, and says where and how many lines are missing', async () => {
  const { fd, read } = slowReader();
  const log: LogDestination = new LogDestination(
    fd,
    (lines) => {
      log.write(`${String(lines)} missing\n`);
    },
    1_000_000,
  );
  const total = 3_000;
  for (let n = 0; n < total; n += 1) log.write(lineOf(n));
  await until(() => read().includes('missing'), 'it says so');
  log.write('after\n');
  await until(() => read().endsWith('after\n'), 'the next line arrives');
  const lines = read().split('\n').slice(0, -1);
  const numbers = lines.slice(0, -2).map((line) => parseInt(line, 10));
  expect(numbers).toEqual(numbers.map((_, n) => n));
  expect(numbers.length * lineOf(0).length).toBeGreaterThan(990_000);
  expect(numbers.length * lineOf(0).length).toBeLessThan(1_000_000 + 2 * 65_536);
  expect(lines.slice(-2)).toEqual([`${String(total - numbers.length)} missing`, 'after']);
});

it('is done with a reader that is gone', () => {
  const path = join(tempDir(), 'pipe');
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  closeSync(reader);
  const log = new LogDestination(fd, () => undefined);
  log.write('nobody reads it\n');
  log.flushSync();
  log.write('nor this\n');
  log.flushSync();
});

it('writes at once what waits, when the process ends', () => {
  const { fd, read } = slowReader();
  const log = new LogDestination(fd, () => undefined);
  for (let n = 0; n < 3; n += 1) log.write(lineOf(n));
  log.flushSync();
  for (let n = 1; n < 3; n += 1) expect(read()).toContain(lineOf(n));
});

it('is pretty in a terminal where that is asked for, one line for each, and JSON anywhere else', async () => {
  const line = '{"level":30,"time":0,"pid":1,"hostname":"h","task_id":"42","msg":"attempt"}\n';
  const format = await prettyFormat('pretty', { isTTY: true, colorize: false });
  expect(format?.(line)).toMatch(/^\[.*\] INFO: attempt \{"task_id":"42"\}\n$/);
  expect(await prettyFormat('pretty', { isTTY: false, colorize: false })).toBeUndefined();
  expect(await prettyFormat('json', { isTTY: true, colorize: false })).toBeUndefined();
});
