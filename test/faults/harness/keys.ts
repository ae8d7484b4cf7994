import type { LifecycleEvent } from '../../helpers/fake-opscore.ts';

// An operation's key is in the bytes that are sent for it: so every arrival and every row tells what it is of.

export function taskBody(key: string): string {
  return JSON.stringify({ task_name: 'work', parameters: { key } });
}

export function keyOfTask(body: string): string | undefined {
  return (parse(body) as { parameters?: { key?: string } } | undefined)?.parameters?.key;
}

/** What an agent says of itself in its n-th registration; `gone` = it was deregistered. */
export function eventKey(agentName: string, version: string): string {
  return `${agentName}@${version}`;
}

export const GONE = 'gone';

export function keyOfEvent(body: string): string | undefined {
  const event = parse(body) as Partial<LifecycleEvent> | undefined;
  if (event?.agent_details === undefined) return undefined;
  const { agentName, version } = event.agent_details;
  return eventKey(agentName, event.event_type === 'REGISTER' ? version : GONE);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
