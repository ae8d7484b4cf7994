import type { Command } from 'commander';
import { loadConfig } from '../../config/config.ts';
import { databaseUrl, describeDatabase, type DatabaseUrl } from '../../config/parse.ts';
import { move, type MoveOutcome, type TableReport } from '../../store/move.ts';
import { createSecretBox } from '../../store/secret-box.ts';
import { CliError, USAGE } from '../exit.ts';
import type { CliContext } from '../context.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly to: string;
  readonly from?: string;
  readonly json?: true;
}

export function addMigrate(program: Command, { env, terminal }: CliContext): void {
  program
    .command('migrate')
    .description('carry everything from one database to another, empty one; stop the service first')
    .requiredOption('--to <url>', 'where to: postgres://... or sqlite:PATH')
    .option('--from <url>', 'where from; DATABASE_URL unless said')
    .option('--json', 'the report as JSON')
    .action(async ({ to, from, json }: Options) => {
      const config = loadConfig(env);
      const source = from === undefined ? config.database : parse('--from', from);
      const target = parse('--to', to);
      if (describeDatabase(source) === describeDatabase(target)) {
        throw new CliError(
          `--to: ${describeDatabase(target)} is where it is read from; say --from`,
          USAGE,
        );
      }
      const box = createSecretBox(config.encryptionKeys);
      const outcome = await moveBetween(source, target, box, terminal);
      refuseOccupied(outcome, describeDatabase(target));
      if ('tables' in outcome) {
        terminal.print(json === true ? JSON.stringify(outcome) : asTable(outcome.tables, terminal));
      }
      if (outcome.outcome === 'differs') {
        throw new CliError('what was written differs from what was read: nothing was kept of it');
      }
      terminal.say(
        outcome.outcome === 'moved'
          ? `moved: start the service with DATABASE_URL of ${describeDatabase(target)}, and never again on ${describeDatabase(source)}`
          : `nothing to do: ${describeDatabase(target)} has all of it already`,
      );
    });
}

function parse(option: string, text: string): DatabaseUrl {
  const database = databaseUrl.parse(text);
  if (database === undefined) throw new CliError(`${option}: takes ${databaseUrl.takes}`, USAGE);
  return database;
}

async function moveBetween(
  from: DatabaseUrl,
  to: DatabaseUrl,
  box: ReturnType<typeof createSecretBox>,
  terminal: Terminal,
): Promise<MoveOutcome> {
  // Here and not above: other commands need not load the stores.
  const { openSource, openTarget } = await import('../../store/open-transfer.ts');
  const source = await openSource(from).catch((error: unknown) => fail('from', from, error));
  try {
    const target = await openTarget(to).catch((error: unknown) => fail('to', to, error));
    try {
      return await move(source, target, {
        box,
        onProgress: (name, rows, of) => terminal.progress(`${name}: ${rows} of ${of}`),
        onCheck: () => terminal.progress('reading back'),
      });
    } catch (error) {
      throw new CliError(`cannot move: ${(error as Error).message}`, undefined, { cause: error });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

function fail(direction: 'from' | 'to', database: DatabaseUrl, error: unknown): never {
  throw new CliError(
    `cannot move ${direction} ${describeDatabase(database)}: ${(error as Error).message}`,
    undefined,
    { cause: error },
  );
}

/** @throws CliError when the target is not empty. */
function refuseOccupied(outcome: MoveOutcome, target: string): void {
  if (outcome.outcome !== 'not_empty') return;
  const contents = Object.entries(outcome.contents).map(([name, rows]) => `${rows} ${name}`);
  throw new CliError(
    `cannot move to ${target}: it is not empty (${contents.join(', ')}), and a move does not mix; ` +
      'give it an empty database',
  );
}

function asTable(tables: readonly TableReport[], terminal: Terminal): string {
  const rows = tables.map(({ table: name, source, target, equal }) => [
    name,
    source.rows,
    target.rows,
    source.checksum.slice(0, 16),
    equal ? 'equal' : 'DIFFERS',
  ]);
  const [heading = '', ...lines] = table([
    ['table', 'read', 'written', 'checksum', 'read back'],
    ...rows,
  ]).split('\n');
  return [terminal.strong(heading), ...lines].join('\n');
}
