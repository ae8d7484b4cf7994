import { parseArgs } from 'node:util';

export interface Options {
  /** Names of scenarios; empty = all. */
  readonly only: readonly string[];
  /** Names of contenders; empty = all. */
  readonly contenders: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  /** The results as JSON. */
  readonly json: string;
  /** What the file has of other scenarios stays in it. */
  readonly keep: boolean;
  /** Into docs/benchmarks.md with the results. */
  readonly write: boolean;
  /** Results of an earlier run, to be written there without another. */
  readonly render: string | undefined;
}

export const usage = `npm run bench -- [options]
  --only accept,end-to-end   scenarios (all)
  --contenders relay,...     who is measured (all)
  --rounds 5                 interleaved rounds
  --seconds 4                of load for each measurement
  --connections 64           of the load generator
  --quick                    2 rounds of 2 seconds, to see that everything works
  --json bench/results.json  where the results go
  --keep                     the other scenarios of that file stay in it: for runs in several parts
  --write                    puts the results into docs/benchmarks.md and its charts
  --render bench/results.json  does so with those of an earlier run`;

/** @throws TypeError for an option that is not there. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      contenders: { type: 'string', default: '' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string', default: '64' },
      quick: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      render: { type: 'string' },
      json: { type: 'string', default: 'bench/results.json' },
    },
  });
  const list = (text: string): string[] => text.split(',').filter((name) => name !== '');
  return {
    only: list(values.only),
    contenders: list(values.contenders),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    seconds: Number(values.seconds ?? (values.quick ? 2 : 4)),
    // After 2 seconds V8 still compiles: accepting is 4 % slower then.
    warmUpSeconds: values.quick ? 1 : 4,
    connections: Number(values.connections),
    json: values.json,
    keep: values.keep,
    write: values.write,
    render: values.render,
  };
}
