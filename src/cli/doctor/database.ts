import type { Config } from '../../config/config.ts';
import { describeDatabase } from '../../config/parse.ts';
import type { Inspection } from '../../store/inspection.ts';
import { inspectDatabase } from '../../store/inspect.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

export interface DatabaseChecked {
  /** Undefined: it could not be looked at. */
  readonly inspection: Inspection | undefined;
  readonly findings: readonly Finding[];
}

/** Less than that is gone before somebody has made room. */
const LITTLE_SPACE = 200 * 1_048_576;

/** Whether the service could work on its database: reach it, write to it, read the secrets in it. */
export async function checkDatabase(config: Config): Promise<DatabaseChecked> {
  const where = describeDatabase(config.database);
  let inspection: Inspection;
  try {
    inspection = await inspectDatabase(config);
  } catch (error) {
    return { inspection: undefined, findings: [unusable(config, where, error as Error)] };
  }
  const findings = [state(inspection, where), ...space(inspection, where)];
  if (!inspection.secretsOpen) {
    findings.push(
      fail(
        'encryption',
        'AGENTKIT_ENCRYPTION_KEY does not open the secrets in the database',
        'set the key that sealed them, or put it behind the new one, separated by a comma',
      ),
    );
  }
  return { inspection, findings };
}

function unusable({ database }: Config, where: string, error: Error): Finding {
  // A text of the driver may have a line feed in it.
  const found = `${where} cannot be used: ${error.message.replaceAll('\n', ' ')}`;
  if (/newer version/.test(error.message)) {
    return fail('database', found, 'run this with that version');
  }
  return fail(
    'database',
    found,
    database.kind === 'sqlite'
      ? 'see that the folder exists, belongs to who runs the service, can be written to, and has room'
      : 'see that PostgreSQL runs, that DATABASE_URL names it, and that its user may write there',
  );
}

function state(inspection: Inspection, where: string): Finding {
  const { exists, inUse, missingMigrations } = inspection;
  if (!exists) return ok('database', `${where} is not there yet, and can be made`);
  if (missingMigrations > 0) {
    return fail(
      'database',
      `${missingMigrations} migrations are missing in ${where}`,
      'start this version of the service: it runs them; make a backup before (agentkit backup)',
    );
  }
  if (inUse) return ok('database', `${where} is up to date, and a service works on it`);
  return ok('database', `${where} is up to date, and can be written to`);
}

function space({ freeBytes }: Inspection, where: string): Finding[] {
  if (freeBytes === undefined || freeBytes >= LITTLE_SPACE) return [];
  const found = `${Math.floor(freeBytes / 1_048_576)} MiB are free where ${where} lies`;
  return [warn('database', found, 'make room: without it nothing is accepted')];
}
