import { useAction } from '../acting.ts';
import { pauseAgent, resumeAgent, type Agent } from '../agents.ts';

/** Holds an agent's tasks back, or lets them go on: either can be taken back at once, so nothing is asked. */
export function PauseAgent({ agent, changed }: { agent: Agent; changed: () => void }) {
  const { busy, run } = useAction();
  const paused = agent.pausedAt !== null;

  async function toggle(): Promise<string> {
    await (paused ? resumeAgent(agent.agentId) : pauseAgent(agent.agentId));
    changed();
    return paused
      ? `${agent.agentName} is resumed: its tasks go on.`
      : `${agent.agentName} is paused: its tasks are accepted and wait.`;
  }

  return (
    <button
      type="button"
      disabled={busy}
      aria-label={`${paused ? 'Resume' : 'Pause'} ${agent.agentName}`}
      onClick={() => void run(toggle)}
    >
      {paused ? 'Resume' : 'Pause'}
    </button>
  );
}
