import { AgentStates } from '../components/agent-states.tsx';
import { Empty } from '../components/empty.tsx';
import { Faults } from '../components/faults.tsx';
import { Heading } from '../components/heading.tsx';
import { KindsTable } from '../components/kinds-table.tsx';
import { RateCharts } from '../components/rate-charts.tsx';
import { RunningReplays } from '../components/running-replays.tsx';
import { Targets } from '../components/targets.tsx';
import { Tiles } from '../components/tiles.tsx';
import { faultsOf } from '../failing.ts';
import { connection, overview, trouble } from '../live.ts';
import { href } from '../place.ts';
import { useShared } from '../state.ts';

/** What is not arriving, why, and what to do about it: at a glance. */
export function OverviewPage() {
  const now = useShared(overview);
  const why = useShared(trouble);
  const state = useShared(connection);
  if (now === null) {
    return (
      <>
        <Heading title="Overview" />
        {why !== null && <p class="trouble">{why}</p>}
        {state === 'paused' ? (
          <Empty title="Live updates are paused, so nothing is shown yet.">
            Resume them above.
          </Empty>
        ) : (
          <p class="waiting">Waiting for the first summary …</p>
        )}
      </>
    );
  }
  const faults = faultsOf(now.failing);
  const agents = Object.values(now.agents).reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <Heading title="Overview" />
      {why !== null && <p class="trouble">{why}</p>}
      <Tiles overview={now} />
      {agents === 0 && faults.length === 0 && (
        <Empty title="No agent is registered yet.">
          Start one with the SDK, or register one with <code>POST /v1/agents/register</code>. It
          appears here, and its REGISTER under <a href={href('/webhooks')}>Webhooks</a>.
        </Empty>
      )}
      <section aria-labelledby="faults">
        <h2 id="faults">What fails</h2>
        <Faults faults={faults} targets={now.targets} />
      </section>
      {now.replays.length > 0 && (
        <section aria-labelledby="replays">
          <h2 id="replays">Replays under way</h2>
          <RunningReplays replays={now.replays} />
        </section>
      )}
      <section aria-labelledby="rates">
        <h2 id="rates">The last ten minutes</h2>
        <RateCharts rates={now.rates} replicas={now.replicas} />
      </section>
      <div class="columns">
        <section aria-labelledby="kinds">
          <h2 id="kinds">What waits</h2>
          <KindsTable kinds={now.kinds} />
        </section>
        <section aria-labelledby="agents">
          <h2 id="agents">Agents</h2>
          <AgentStates agents={now.agents} paused={now.paused} />
        </section>
        <section aria-labelledby="targets">
          <h2 id="targets">Ops-Core</h2>
          <Targets targets={now.targets} />
        </section>
      </div>
    </>
  );
}
