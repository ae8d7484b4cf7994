import type { Command } from 'commander';
import { webhookSecret } from '../config/parse.ts';
import type { CliContext } from './context.ts';
import { CliError, USAGE } from './exit.ts';

export interface SecretOptions {
  readonly secretFile?: string;
}

/** A secret comes from the environment or a file: what stands on the command line, others on the machine see. */
export function takesSecret(command: Command): Command {
  return command.option(
    '--secret-file <file>',
    'where the secret stands; OPSCORE_WEBHOOK_SECRET holds it unless said',
  );
}

/** @throws CliError without one, or when it is none. */
export async function secretOf(
  { env, readInput }: CliContext,
  { secretFile }: SecretOptions,
): Promise<string> {
  const from = secretFile ?? 'OPSCORE_WEBHOOK_SECRET';
  const text =
    secretFile === undefined
      ? env['OPSCORE_WEBHOOK_SECRET']
      : (await readFileOf(readInput, secretFile)).toString('utf8');
  const trimmed = text?.trim() ?? '';
  if (trimmed === '') throw new CliError(`${from}: there is no secret`, USAGE);
  const secret = webhookSecret.parse(trimmed);
  if (secret === undefined) throw new CliError(`${from}: takes ${webhookSecret.takes}`, USAGE);
  return secret;
}

/** @throws CliError when it cannot be read. */
export async function readFileOf(
  readInput: CliContext['readInput'],
  path: string,
): Promise<Buffer> {
  try {
    return await readInput(path);
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${(error as Error).message}`, USAGE, { cause: error });
  }
}
