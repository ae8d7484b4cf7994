import { writeSync } from 'node:fs';
import { it, onTestFinished } from 'vitest';
import { seeded, type Random } from './random.ts';

/** FAULTS=short: as much as there is time for at every commit. Otherwise the sizes that the figures are about. */
export const short = process.env['FAULTS'] === 'short';

export interface Experiment<S> {
  readonly size: S;
  readonly random: Random;
  /** Adds figures to the line that is printed in the end. */
  readonly report: (figures: Readonly<Record<string, number | string>>) => void;
}

interface Sizes<S> {
  readonly full: S;
  /** Without, it is left out of the short form. */
  readonly short?: S;
  /** Seconds that it may take on a machine with other work to do; several times of what it does take. */
  readonly limit: number;
}

/**
 * A test that prints one line when it is over, whether or not it went well: its figures, and the seed by which it can be
 * run again (`FAULTS_SEED=...`, with `-t` for the one experiment).
 */
export function experiment<S>(
  title: string,
  { full, short: small, limit }: Sizes<S>,
  run: (experiment: Experiment<S>) => Promise<void>,
): void {
  const given = process.env['FAULTS_SEED'];
  const size = short ? small : full;
  if (size === undefined) {
    // Shown as skipped, so that nobody takes the short form for the full one.
    it.skip(title);
    return;
  }
  it(title, { timeout: limit * 1_000 }, async () => {
    const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
    const figures: Record<string, number | string> = {};
    const start = performance.now();
    let verdict = 'FAILED';
    // A hook, since nothing else is carried out once the time is over.
    onTestFinished(() => {
      const seconds = ((performance.now() - start) / 1_000).toFixed(1);
      const said = Object.entries(figures).map(([name, value]) => `${name} ${String(value)}`);
      const form = short ? 'short' : 'full';
      const how = `${form}, ${seconds} s, seed ${seed}`;
      // Past the reporter, which would put a header of its own over every line.
      writeSync(1, `fault: ${title}: ${verdict}; ${said.join(', ')}; ${how}\n`);
    });
    await run({
      size,
      random: seeded(seed),
      report: (more) => void Object.assign(figures, more),
    });
    verdict = 'held';
  });
}
