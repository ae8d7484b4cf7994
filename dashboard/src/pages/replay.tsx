import type { ReplayRecord } from '../../../src/sdk/delivery-types.ts';
import { useAction } from '../acting.ts';
import { Act } from '../components/act.tsx';
import { Badge } from '../components/badge.tsx';
import { CopyId } from '../components/copy-id.tsx';
import { Heading } from '../components/heading.tsx';
import { Loaded } from '../components/loaded.tsx';
import { Meter } from '../components/meter.tsx';
import { Time } from '../components/time.tsx';
import { href } from '../place.ts';
import { filterWords, getReplay, stopReplay } from '../replays.ts';
import { useResource } from '../resource.ts';
import { count } from '../words.ts';

/** How far a replay is. It belongs to the service: this page may be closed. */
export function ReplayPage({ replayId }: { replayId: string }) {
  const replay = useResource(replayId, (signal) => getReplay(replayId, signal), { freshMs: 800 });
  const { busy, run } = useAction();

  async function stop(): Promise<string> {
    await stopReplay(replayId);
    replay.reload();
    return 'The replay is stopped. What it has scheduled stays scheduled.';
  }

  return (
    <>
      <Heading title="Replay">
        {replay.data?.state === 'running' && (
          <Act>
            <button type="button" disabled={busy} onClick={() => void run(stop)}>
              Stop it
            </button>
          </Act>
        )}
      </Heading>
      <Loaded of={replay}>{(one) => <Progress replay={one} />}</Loaded>
    </>
  );
}

function Progress({ replay }: { replay: ReplayRecord }) {
  const { kind, agentId, errorClass, since, until } = replay.filter as Partial<
    Record<string, string>
  >;
  const filter = { kind, agent_id: agentId, error_class: errorClass, since, until };
  const page = kind === 'task' ? '/tasks' : kind === undefined ? '/dead-letters' : '/webhooks';
  return (
    <>
      <p>{filterWords(replay.filter)}.</p>
      <p>
        <Badge state={replay.state} />{' '}
        <Meter label="Had their turn" done={replay.replayed + replay.skipped} of={replay.total} />
      </p>
      <dl class="facts">
        <div>
          <dt>Scheduled again</dt>
          <dd>{count(replay.replayed)}</dd>
        </div>
        <div>
          <dt>Left as they are</dt>
          <dd>
            {count(replay.skipped)}
            {replay.skipped > 0 && (
              <span class="quiet"> · their agent is gone, or a later webhook was delivered</span>
            )}
          </dd>
        </div>
        <div>
          <dt>Begun</dt>
          <dd>
            <Time at={replay.createdAt} />{' '}
            <span class="quiet">by {replay.createdBy ?? 'open mode'}</span>
          </dd>
        </div>
        <div>
          <dt>Ended</dt>
          <dd>
            <Time at={replay.finishedAt} />
          </dd>
        </div>
        <div class="wide">
          <dt>Id</dt>
          <dd>
            <CopyId id={replay.replayId} />
          </dd>
        </div>
      </dl>
      <p class="hint">
        It schedules; whether they arrive, the deliveries tell:{' '}
        <a href={href(page, filter)}>look at them</a>, or at what is{' '}
        <a href={href('/dead-letters', filter)}>still a dead letter</a>. It goes on without this
        page, and after a restart of the service.
      </p>
    </>
  );
}
