import { parseDuration } from '../config/duration.ts';
import { moment } from '../config/parse.ts';
import { CliError, USAGE } from './exit.ts';

/**
 * A moment as people give it: how long ago (`90s`, `1h`, `7d`), or a time with its zone (`2030-01-31T12:00:00Z`).
 * @throws CliError when it is neither.
 */
export function momentOf(option: string, text: string, now: number): Date {
  const ago = parseDuration(text);
  const at = ago === undefined ? moment.parse(text) : now - ago;
  if (at !== undefined) return new Date(at);
  throw new CliError(`${option}: takes how long ago, such as 1h, or ${moment.takes}`, USAGE);
}

/** @throws CliError when it is no duration. */
export function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new CliError(`${option}: takes a duration such as 90s, 5m, 1h or 7d`, USAGE);
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** How long something is, in its largest whole unit but for the first few: `90s`, `59m`, `26h`, `3d`. */
export function span(ms: number): string {
  const whole = Math.max(0, ms);
  for (const [unit, length] of UNITS) {
    if (whole >= 2 * length) return `${Math.floor(whole / length)}${unit}`;
  }
  return `${Math.floor(whole / 1_000)}s`;
}

/** How long ago an ISO 8601 time was. */
export function ageOf(iso: string, now: number): string {
  return span(now - Date.parse(iso));
}
