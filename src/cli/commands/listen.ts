import { once } from 'node:events';
import type { Command } from 'commander';
import { httpUrl } from '../../config/parse.ts';
import type { Agent } from '../../sdk/agent.ts';
import { AgentKitError } from '../../sdk/errors.ts';
import { whereabouts, type Whereabouts } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { CliError, USAGE } from '../exit.ts';
import { createAttendance } from '../listen/attendance.ts';
import { forwardTo } from '../listen/forward.ts';
import { startReceiver } from '../listen/receiver.ts';
import {
  environmentFor,
  listenSettings,
  refuseToIntercept,
  type ListenSettings,
} from '../listen/settings.ts';
import { createTeller, type TaskArrival } from '../listen/tell.ts';
import { wholeNumber } from '../numbers.ts';

interface Options {
  readonly port?: number;
  readonly forwardTo?: string;
  readonly agent?: string;
  readonly serve?: true;
  readonly url?: string;
  readonly json?: true;
}

/** Something that runs until Ctrl-C, and is then ended before what was started before it. */
type End = () => Promise<unknown>;

/** `listen`: an Ops-Core on this machine that shows what comes; with --agent and --serve all that there is to try. */
export function addListen(program: Command, context: CliContext): void {
  program
    .command('listen')
    .description('receive webhooks and state reports on this machine, verify and print them')
    .option('--port <port>', 'where to listen, on 127.0.0.1', wholeNumber(0, 65_535))
    .option('--forward-to <url>', 'send each webhook that verifies on, and answer as that answers')
    .option('--agent <name>', 'be an agent as well, which takes every task and sends it back')
    .option('--serve', 'run the service as well, told to send here')
    .option('--url <url>', 'where the service of --agent is; AGENTKIT_URL unless said')
    .option('--json', 'what comes, a JSON document on a line')
    .action(async (options: Options) => {
      if (options.serve === true) {
        if (options.url !== undefined) {
          throw new CliError('--serve and --url exclude each other', USAGE);
        }
        refuseToIntercept(context.env);
      }
      const signal = context.interrupted();
      const ends: End[] = [];
      try {
        await start(context, options, signal, ends);
        if (!signal.aborted) await once(signal, 'abort');
      } finally {
        for (const end of ends.reverse()) await end();
      }
    });
}

async function start(
  context: CliContext,
  { port, forwardTo: target, agent, serve, url, json }: Options,
  signal: AbortSignal,
  ends: End[],
): Promise<void> {
  const { env, terminal, now } = context;
  if (target !== undefined && httpUrl.parse(target) === undefined) {
    throw new CliError(`--forward-to: takes ${httpUrl.takes}`, USAGE);
  }
  const settings = listenSettings(env, port);
  const tell = createTeller(terminal, json, now);
  const attendance = createAttendance();
  const receiver = await startReceiver({
    ...settings,
    forward: target === undefined ? undefined : { to: target, send: forwardTo(target) },
    onArrival: (arrival) => {
      attendance.note(arrival);
      tell(arrival);
    },
  });
  ends.push(() => receiver.close());
  const own = environmentFor(settings, receiver.url);
  terminal.say(`listening at ${receiver.url}${settings.path}; Ctrl-C ends it`);

  let where = whereabouts(env, url);
  if (serve === true) {
    // Here and not above: the rest of it need not load the service.
    const { startOwnService } = await import('../listen/own-service.ts');
    const service = await startOwnService({ ...env, ...own }, (line) => terminal.say(line));
    ends.push(() => service.close());
    where = { ...whereabouts({ ...env, AGENTKIT_URL: undefined }), url: service.url };
    terminal.say(`the service is ready at ${service.url}`);
  } else {
    sayWhatToSet(context, own, settings);
  }
  if (agent === undefined) return;
  const running = await startAgent(context, agent, where, own, tell, signal);
  if (running === undefined) return;
  ends.push(async () => {
    await running.close();
    // Its farewell is part of the story, and would else wait for the next start of the service.
    await attendance.left(running.agentId, FAREWELL_MS);
  });
}

const FAREWELL_MS = 2_000;

/** The service has to send here: what of that its environment does not say. A secret that it has is not shown. */
function sayWhatToSet(
  { env, terminal }: CliContext,
  own: Readonly<Record<string, string>>,
  { isNew }: ListenSettings,
): void {
  const unset = Object.entries(own).filter(([name, value]) => env[name]?.trim() !== value);
  if (unset.length === 0) return;
  const again = isNew ? ', and start this again with it' : '';
  terminal.say(`for the service to send here, put this into its .env${again}:`);
  for (const [name, value] of unset) terminal.say(`${name}=${value}`);
}

async function startAgent(
  { env, terminal }: CliContext,
  name: string,
  where: Whereabouts,
  own: Readonly<Record<string, string>>,
  onTask: (task: TaskArrival) => void,
  signal: AbortSignal,
): Promise<Agent | undefined> {
  const { startDemoAgent } = await import('../listen/demo-agent.ts');
  try {
    const agent = await startDemoAgent({
      name,
      service: where,
      opscore: { url: own['OPSCORE_API_URL'] ?? '', apiKey: own['OPSCORE_API_KEY'] ?? '' },
      onTask,
      onTrouble: (message) => terminal.say(message),
      signal,
    });
    // Where the other terminal does not find it by itself.
    const named = whereabouts(env).url === where.url ? '' : ` --url ${where.url}`;
    terminal.say(
      `${name} takes tasks; in another terminal: agentkit run ${name} --task greet --wait${named}`,
    );
    return agent;
  } catch (error) {
    // Ctrl-C before the service was there.
    if (error instanceof AgentKitError && error.code === 'aborted') return undefined;
    throw error;
  }
}
