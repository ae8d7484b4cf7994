import { isObject } from '../../sdk/wire.ts';
import type { Arrival } from './receiver.ts';

/** Who is registered, by the webhooks that came. */
export function createAttendance() {
  const present = new Set<string>();
  const goodbyes = new Map<string, () => void>();
  return {
    note: (arrival: Arrival): void => {
      if (arrival.type !== 'webhook') return;
      const { event_type: event, agent_details: details } = arrival.body;
      const agentId = isObject(details) ? String(details['agentId']) : '';
      if (event === 'REGISTER') present.add(agentId);
      if (event !== 'DEREGISTER') return;
      present.delete(agentId);
      goodbyes.get(agentId)?.();
    },
    /** Resolves when the DEREGISTER of an agent whose REGISTER came has come as well, or after so long. */
    left: async (agentId: string, withinMs: number): Promise<void> => {
      if (!present.has(agentId)) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        goodbyes.set(agentId, () => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}
