import { existsSync, readFileSync } from 'node:fs';

// Preloaded into a service, it moves the wall clock by the milliseconds that stand in CLOCK_FILE, and says so on stderr.
// The monotonic clock goes on as it was, as when an operator or NTP sets the time.

const file = String(process.env['CLOCK_FILE']);
const Real = Date;
let offset = 0;

class Shifted extends Real {
  constructor(...given: readonly unknown[]) {
    // As many forms as Date has; only the one without arguments asks the clock.
    if (given.length === 0) super(Real.now() + offset);
    else super(...(given as [number]));
  }

  static override now(): number {
    return Real.now() + offset;
  }
}

globalThis.Date = Shifted as DateConstructor;

function read(): void {
  const told = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (told === offset) return;
  offset = told;
  process.stderr.write(`the clock is off by ${offset} ms\n`);
}

read();
// No signal: the service takes each of them as its end.
setInterval(read, 20).unref();
