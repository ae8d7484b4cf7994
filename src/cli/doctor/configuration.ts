import { ConfigError, loadConfig, type Config, type Environment } from '../../config/config.ts';
import { variables } from '../../config/variables.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

export interface ConfigurationChecked {
  /** Without what was bad. */
  readonly config: Config;
  readonly findings: readonly Finding[];
}

/** Of the SDK and the command line. */
const OTHERS = ['AGENTKIT_URL', 'AGENTKIT_API_KEY'];

const PAIRS = [
  ['OPSCORE_WEBHOOK_URL', 'OPSCORE_WEBHOOK_SECRET', 'lifecycle webhooks are skipped'],
  ['OPSCORE_API_URL', 'OPSCORE_API_KEY', 'dead letters are not reported to Ops-Core'],
] as const;

/** Reads the configuration as the service would, and goes on after each bad variable as if it were not set. */
export function checkConfiguration(env: Environment): ConfigurationChecked {
  const findings: Finding[] = [];
  const rest: Record<string, string | undefined> = { ...env };
  for (;;) {
    try {
      const config = loadConfig(rest);
      findings.push(...halves(rest), ...strangers(env));
      if (findings.length === 0) findings.push(ok('configuration', 'every variable can be read'));
      return { config, findings };
    } catch (error) {
      const name = /^([A-Z_]+): /.exec((error as Error).message)?.[1] ?? '';
      // One that is bad even when it is not set would be read for ever.
      if (!(error instanceof ConfigError) || rest[name] === undefined) throw error;
      delete rest[name];
      findings.push(
        fail('configuration', error.message, `put ${name} right; the service does not start so`),
      );
    }
  }
}

function isSet(env: Environment, name: string): boolean {
  return (env[name] ?? '').trim() !== '';
}

function halves(env: Environment): Finding[] {
  return PAIRS.flatMap(([first, second, what]) => {
    if (isSet(env, first) === isSet(env, second)) return [];
    const [given, missing] = isSet(env, first) ? [first, second] : [second, first];
    return [
      fail('configuration', `${given} is set and ${missing} is not: ${what}`, `set ${missing}`),
    ];
  });
}

/** A slip in a name is no error for the service, which cannot know every variable there is. */
function strangers(env: Environment): Finding[] {
  const known = new Set([...Object.keys(variables), ...OTHERS]);
  return Object.keys(env)
    .filter((name) => /^(AGENTKIT|OPSCORE)_/.test(name) && !known.has(name))
    .map((name) =>
      warn(
        'configuration',
        `${name} is no variable of the service`,
        'look for a slip in its name (docs/configuration.md)',
      ),
    );
}
