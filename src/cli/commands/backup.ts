import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { loadConfig } from '../../config/config.ts';
import { backupSqlite } from '../../store/sqlite/backup.ts';
import { CliError, USAGE } from '../exit.ts';
import type { CliContext } from '../context.ts';

export function addBackup(program: Command, { env, terminal }: CliContext): void {
  program
    .command('backup')
    .description('copy the SQLite database into a new file, also while the service runs on it')
    .argument('<file>', 'the file, which must not exist')
    .option('--json', 'what was written as JSON')
    .action((file: string, { json }: { json?: true }) => {
      const { database } = loadConfig(env);
      if (database.kind !== 'sqlite') {
        throw new CliError('PostgreSQL is backed up by its own tools, such as pg_dump', USAGE);
      }
      try {
        backupSqlite(database.path, file);
      } catch (error) {
        throw new CliError(
          `cannot back up ${database.path}: ${(error as Error).message}`,
          undefined,
          {
            cause: error,
          },
        );
      }
      const bytes = statSync(file).size;
      terminal.print(json === true ? JSON.stringify({ file, bytes }) : `${file}: ${bytes} bytes`);
    });
}
