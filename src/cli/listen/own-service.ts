import pino from 'pino';
import { ConfigError, loadConfig, type Environment } from '../../config/config.ts';
import { describeDatabase } from '../../config/parse.ts';
import { createService } from '../../service.ts';
import { CliError } from '../exit.ts';

export interface OwnService {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The service in this process, for trying it out: it logs what is wrong, and nothing else unless LOG_LEVEL says so.
 * @throws ConfigError; CliError when it cannot start.
 */
export async function startOwnService(
  env: Environment,
  onLogLine: (line: string) => void,
): Promise<OwnService> {
  const config = loadConfig(env);
  const level = (env['LOG_LEVEL'] ?? '').trim() === '' ? 'warn' : config.logLevel;
  const log = pino({ level }, { write: (line) => onLogLine(line.trimEnd()) });
  const service = await createService(config, log).catch((error: unknown) => {
    if (error instanceof ConfigError) throw error;
    throw new CliError(
      `cannot start on ${describeDatabase(config.database)}: ${(error as Error).message}`,
      undefined,
      { cause: error },
    );
  });
  try {
    await service.listen();
  } catch (error) {
    await service.close();
    throw new CliError(
      `cannot listen on ${config.host}:${config.port}: ${(error as Error).message}`,
      undefined,
      { cause: error },
    );
  }
  return { url: service.url(), close: () => service.close() };
}
