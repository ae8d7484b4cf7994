const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const DURATION = /^(\d+)(ms|s|m|h|d)$/;

/** setTimeout's own ceiling (2^31 - 1 ms, 24.8 days) is far below this; nothing sleeps that long in one go. */
const MAX_MS = 365 * UNIT_MS.d;

/**
 * Reads a duration as the configuration writes it: a whole number and a unit, `500ms`, `5s`, `2m`, `1h`, `7d`.
 * @returns milliseconds, or undefined when the text is no duration between 0 and 365 days.
 */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text.trim());
  if (match === null) return undefined;
  const ms = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  return ms <= MAX_MS ? ms : undefined;
}

/**
 * Reads a retry schedule: durations separated by commas, `5s,30s,2m`; n delays make n + 1 attempts.
 * @returns the delays in milliseconds, or undefined when one of them is no duration or there are more than 100.
 */
export function parseSchedule(text: string): readonly number[] | undefined {
  const delays = text.split(',').map(parseDuration);
  if (delays.length > 100 || delays.includes(undefined)) return undefined;
  return delays as number[];
}
