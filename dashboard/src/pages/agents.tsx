import { AGENTS_PAGE, listAgents, type Agent } from '../agents.ts';
import { Act } from '../components/act.tsx';
import { Badge } from '../components/badge.tsx';
import { CopyId } from '../components/copy-id.tsx';
import { Empty } from '../components/empty.tsx';
import { Heading } from '../components/heading.tsx';
import { Loaded } from '../components/loaded.tsx';
import { Pager } from '../components/pager.tsx';
import { PauseAgent } from '../components/pause-agent.tsx';
import { Time } from '../components/time.tsx';
import { go, href, usePlace } from '../place.ts';
import { useResource } from '../resource.ts';

const STATUSES = ['online', 'unreachable', 'offline', 'deregistering'] as const;

export function AgentsPage() {
  const { path, query } = usePlace();
  const name = query.get('name') ?? '';
  const status = query.get('status') ?? '';
  const cursor = query.get('cursor') ?? undefined;
  const filter = { ...(name === '' ? {} : { name }), ...(status === '' ? {} : { status }) };
  const page = useResource(
    JSON.stringify([filter, cursor]),
    (signal) => listAgents(filter, cursor, signal),
    { live: cursor === undefined },
  );
  const set = (change: Readonly<Record<string, string>>) =>
    go(href(path, { name, status, ...change }));
  return (
    <>
      <Heading title="Agents" />
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Name begins with
          <input
            type="search"
            name="name"
            value={name}
            autocomplete="off"
            spellcheck={false}
            onChange={(event) => set({ name: event.currentTarget.value.trim() })}
          />
        </label>
        <label>
          Status
          <select
            name="status"
            value={status}
            onChange={(event) => set({ status: event.currentTarget.value })}
          >
            <option value="">All</option>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        {(name !== '' || status !== '') && (
          <a class="button" href={href(path)}>
            Clear filters
          </a>
        )}
      </form>
      <Loaded of={page}>
        {({ items, next }) => (
          <>
            {items.length > 0 ? (
              <AgentTable agents={items} changed={page.reload} />
            ) : (
              <Nothing filtered={name !== '' || status !== ''} />
            )}
            <Pager next={next} />
          </>
        )}
      </Loaded>
    </>
  );
}

function AgentTable({ agents, changed }: { agents: readonly Agent[]; changed: () => void }) {
  return (
    <table class="list">
      <caption class="hidden">Agents, at most {AGENTS_PAGE} on a page</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Status</th>
          <th scope="col">Last seen</th>
          <th scope="col">Version</th>
          <th scope="col">Id</th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {agents.map((agent) => (
          <tr key={agent.agentId}>
            <th scope="row" data-label="Name">
              <a class="name" href={href(`/agents/${agent.agentId}`)}>
                {agent.agentName}
              </a>
            </th>
            <td data-label="Status">
              <Badge state={agent.status} /> {agent.pausedAt !== null && <Badge state="paused" />}
            </td>
            <td data-label="Last seen">
              <Time at={agent.lastSeenAt} />
            </td>
            <td data-label="Version" class="name">
              {agent.version}
            </td>
            <td data-label="Id">
              <CopyId id={agent.agentId} short />
            </td>
            <td data-label="" class="actions">
              <Act>
                <PauseAgent agent={agent} changed={changed} />
              </Act>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered)
    return (
      <Empty title="No agent matches.">Names are compared from their beginning, and by case.</Empty>
    );
  return (
    <Empty title="No agent is registered yet.">
      Start one with the SDK (TUTORIAL.md), or register one with{' '}
      <code>POST /v1/agents/register</code>.
    </Empty>
  );
}
