import pino, { type Logger } from 'pino';
import { record } from '../leaks/recording.ts';

export type LogLine = Readonly<Record<string, unknown>> & {
  readonly level: number;
  readonly msg: string;
};

const INFO = pino.levels.values['info'] ?? 0;

/**
 * The log of a service in this process. Every line of every level is searched for secrets at the end of the run;
 * `onLine` is told of those that LOG_LEVEL `info` lets through.
 */
export function testLog(onLine: (line: LogLine) => void = () => undefined): Logger {
  const write = (text: string) => {
    record('log', 'a service in the process of the test', text);
    const line = JSON.parse(text) as LogLine;
    if (line.level >= INFO) onLine(line);
  };
  return pino({ level: 'trace' }, { write });
}
