import closeWithGrace from 'close-with-grace';
import { ConfigError, loadConfig, type Config, type Environment } from './config/config.ts';
import { describeDatabase } from './config/parse.ts';
import { createLog, prettyFormat } from './log.ts';
import { createService } from './service.ts';

/** A start that cannot succeed says why in one line. */
function refuse(reason: string): never {
  process.stderr.write(`agentkit: ${reason}\n`);
  process.exit(1);
}

function readConfig(env: Environment): Config {
  try {
    return loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) refuse(error.message);
    throw error;
  }
}

/** Runs the service in this process: resolves when it is ready, and ends the process when a signal has shut it down. */
export async function serve(env: Environment): Promise<void> {
  const config = readConfig(env);
  const format = await prettyFormat(config.logFormat, {
    isTTY: process.stdout.isTTY,
    // https://no-color.org
    colorize: (env['NO_COLOR'] ?? '') === '',
  });
  const log = createLog(config.logLevel, format);

  const service = await createService(config, log).catch((error: unknown) =>
    refuse(
      error instanceof ConfigError
        ? error.message
        : `cannot start on ${describeDatabase(config.database)}: ${(error as Error).message}`,
    ),
  );

  closeWithGrace({ delay: config.shutdownGrace, logger: false }, async ({ err, signal }) => {
    if (err !== undefined) log.fatal({ err }, 'an error that nobody caught: shutting down');
    else log.info({ signal }, 'shutting down');
    await service.close();
    log.info('shut down');
  });

  await service
    .listen()
    .catch((error: unknown) =>
      refuse(`cannot listen on ${config.host}:${config.port}: ${(error as Error).message}`),
    );
  log.info(
    {
      url: service.url(),
      database: describeDatabase(config.database),
      // As it stands in `lease_owner`.
      replica: service.store.replica.id,
    },
    'the service is ready',
  );
  if (config.allowAnonymous) {
    log.warn(
      'AGENTKIT_ALLOW_ANONYMOUS is true: without keys, everybody who reaches this address may do everything',
    );
  }
  if (config.webhook === undefined) {
    log.warn(
      'lifecycle webhooks are skipped: OPSCORE_WEBHOOK_URL and OPSCORE_WEBHOOK_SECRET are not both set',
    );
  }
  if (config.opscoreApi === undefined) {
    log.warn(
      'undeliverable tasks are not reported to Ops-Core: OPSCORE_API_URL and OPSCORE_API_KEY are not both set',
    );
  }
}
