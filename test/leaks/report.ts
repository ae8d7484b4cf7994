import type { Findings, Leak } from './scan.ts';

const SHOWN = 40;

/** One line about what was sought, and where. */
export function summary({ secrets, bytes }: Findings, seconds: number): string {
  const megabytes = Math.round(bytes / 1e6);
  return `${secrets} secrets sought in ${megabytes} MB of logs, answers and databases (${seconds.toFixed(1)} s)`;
}

/** What was found, for whoever has to mend it: which secret, where, by which test; never its value. */
export function report(leaks: readonly Leak[]): string {
  const lines = leaks
    .slice(0, SHOWN)
    .flatMap(({ secret, origin, excerpt }) => [
      `  ${secret.kind}, in ${PLACES[origin.place]}: ${origin.of}`,
      `    test file: ${origin.test}${secret.test === origin.test ? '' : ` (the secret is of ${secret.test})`}`,
      `    ${excerpt}`,
    ]);
  const more = leaks.length > SHOWN ? [`  and ${leaks.length - SHOWN} more`] : [];
  const found = leaks.length === 1 ? '1 secret' : `${leaks.length} secrets`;
  return [`${found} in clear, where none may be:`, ...lines, ...more].join('\n');
}

const PLACES = {
  log: 'a log',
  answer: 'an answer',
  database: 'a database (was it opened with the encryption key? test/helpers/open-store.ts)',
} as const;
