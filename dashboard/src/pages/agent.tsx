import { getAgent, type Agent } from '../agents.ts';
import { Act } from '../components/act.tsx';
import { Badge } from '../components/badge.tsx';
import { CopyId } from '../components/copy-id.tsx';
import { DeliveryTable } from '../components/delivery-table.tsx';
import { Empty } from '../components/empty.tsx';
import { Heading } from '../components/heading.tsx';
import { Loaded } from '../components/loaded.tsx';
import { PauseAgent } from '../components/pause-agent.tsx';
import { Time } from '../components/time.tsx';
import { listDeliveries } from '../deliveries.ts';
import { href } from '../place.ts';
import { useResource } from '../resource.ts';

const FEW = 20;

/** One agent, and what was sent to it and about it last. An agent that is gone still has its deliveries. */
export function AgentPage({ agentId }: { agentId: string }) {
  const agent = useResource(agentId, (signal) => getAgent(agentId, signal));
  const deliveries = useResource(`deliveries of ${agentId}`, (signal) =>
    listDeliveries({ agent_id: agentId }, undefined, signal),
  );
  return (
    <>
      <Heading title={agent.data?.agentName ?? 'Agent'}>
        {agent.data !== undefined && (
          <Act>
            <PauseAgent agent={agent.data} changed={agent.reload} />
          </Act>
        )}
      </Heading>
      <Loaded of={agent}>{(one) => <Facts agent={one} />}</Loaded>
      <section aria-labelledby="deliveries">
        <h2 id="deliveries">Its last deliveries</h2>
        <p class="sections">
          <a href={href('/tasks', { agent_id: agentId })}>All its tasks</a>
          {' · '}
          <a href={href('/webhooks', { agent_id: agentId })}>All webhooks about it</a>
          {' · '}
          <a href={href('/dead-letters', { agent_id: agentId })}>Its dead letters</a>
        </p>
        <Loaded of={deliveries}>
          {({ items }) =>
            items.length > 0 ? (
              <DeliveryTable
                caption="Its last deliveries"
                items={items.slice(0, FEW)}
                withAgent={false}
              />
            ) : (
              <Empty title="Nothing was sent to it yet.">
                Ops-Core gives it a task with <code>POST /v1/agents/{agentId}/run</code>.
              </Empty>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function Facts({ agent }: { agent: Agent }) {
  return (
    <>
      {agent.pausedAt !== null && (
        <p class="hint">
          An operator paused it <Time at={agent.pausedAt} />: its tasks are accepted and wait.
        </p>
      )}
      <dl class="facts">
        <div>
          <dt>Status</dt>
          <dd>
            <Badge state={agent.status} /> {agent.pausedAt !== null && <Badge state="paused" />}
          </dd>
        </div>
        <div>
          <dt>Last seen</dt>
          <dd>
            <Time at={agent.lastSeenAt} />
          </dd>
        </div>
        <div>
          <dt>Lease</dt>
          <dd>
            {agent.leaseSeconds === null ? (
              'none: it never expires'
            ) : (
              <>
                {agent.leaseSeconds} s, ends <Time at={agent.leaseExpiresAt} />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Registered</dt>
          <dd>
            <Time at={agent.registrationTime} />
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd class="name">{agent.version}</dd>
        </div>
        <div class="wide">
          <dt>Tasks go to</dt>
          <dd>
            <code>{agent.contactEndpoint}</code>
          </dd>
        </div>
        <div class="wide">
          <dt>Capabilities</dt>
          <dd class="name">
            {agent.capabilities.length === 0 ? 'none' : agent.capabilities.join(', ')}
          </dd>
        </div>
        <div class="wide">
          <dt>Id</dt>
          <dd>
            <CopyId id={agent.agentId} />
          </dd>
        </div>
      </dl>
      {Object.keys(agent.metadata).length > 0 && (
        <details>
          <summary>Metadata</summary>
          <pre tabIndex={0}>{JSON.stringify(agent.metadata, null, 2)}</pre>
        </details>
      )}
    </>
  );
}
