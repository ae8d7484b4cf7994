import { nameOf, namesChanged } from '../agents.ts';
import { href } from '../place.ts';
import { useShared } from '../state.ts';

/** An agent by its name where that is known; one that is gone by the end of its id. */
export function AgentName({ agentId }: { agentId: string }) {
  useShared(namesChanged);
  const name = nameOf(agentId);
  const tail = `…${agentId.slice(-8)}`;
  if (name === null) return <span title={agentId}>{tail} (gone)</span>;
  return (
    <a class="name" href={href(`/agents/${encodeURIComponent(agentId)}`)} title={agentId}>
      {name ?? tail}
    </a>
  );
}
