import { AgentKitClient } from '../../../src/sdk/index.ts';
import { agentkit, type CliCircumstances, type CliResult } from '../../helpers/cli.ts';
import type { Environment } from '../../helpers/environment.ts';
import { aService } from '../../helpers/service.ts';

/** A service of the running test that listens, and the command line for it. */
export async function cliService(env: Environment = {}, apiKey?: string) {
  const kit = await aService(env);
  await kit.service.listen();
  const url = kit.service.url();
  const own = {
    AGENTKIT_URL: url,
    ...(apiKey === undefined ? {} : { AGENTKIT_API_KEY: apiKey }),
  };
  const cli = (args: readonly string[], given: CliCircumstances = {}): Promise<CliResult> =>
    agentkit(args, { ...given, env: { ...own, ...given.env } });
  return { ...kit, url, cli, client: new AgentKitClient({ baseUrl: url, apiKey }) };
}
