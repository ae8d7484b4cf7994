import type { AgentKitClient } from '../sdk/client.ts';
import type { ReplayRecord } from '../sdk/delivery-types.ts';
import type { CliContext } from './context.ts';
import { CliError, FAILED, INTERRUPTED } from './exit.ts';
import { patiently } from './patience.ts';
import { pause } from './pause.ts';

const LOOK_MS = 200;

/**
 * Watches a replay until it ended. It is the service that works: it goes on when nobody watches, and after a crash of
 * its own, through which this waits.
 * @throws CliError after Ctrl-C, or when the service stays away.
 */
export async function followReplay(
  { terminal, interrupted }: CliContext,
  client: AgentKitClient,
  { replayId, total }: Pick<ReplayRecord, 'replayId' | 'total'>,
): Promise<ReplayRecord> {
  const signal = interrupted();
  const again = `it goes on by itself; to watch it: agentkit deliveries replay --follow ${replayId}`;
  const bar = await terminal.bar('replayed', total);
  let done = 0;
  let away = false;
  const onAway = () => {
    bar.update(done, 'the service does not answer; waiting for it');
    if (!away) terminal.say('the service does not answer; waiting for it');
    away = true;
  };
  try {
    for (;;) {
      const replay = await patiently(() => client.getReplay(replayId), signal, onAway);
      away = false;
      done = replay.replayed + replay.skipped;
      bar.update(done);
      if (replay.state !== 'running') return replay;
      await pause(LOOK_MS, signal);
      if (signal.aborted) throw new CliError(again, INTERRUPTED);
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(
      `${(error as Error).message} ${again}`,
      signal.aborted ? INTERRUPTED : FAILED,
      { cause: error },
    );
  } finally {
    bar.end();
  }
}
