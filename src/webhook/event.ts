import { newId } from '../ids.ts';
import { laneOf, type NewDelivery } from '../outbox/delivery.ts';
import type { Agent } from '../store/store.ts';

export type LifecycleEvent = 'REGISTER' | 'DEREGISTER';

/** The lifecycle webhook of contract section 3: compact JSON, exactly these keys, in this order. */
export function webhookDelivery(event: LifecycleEvent, agent: Agent, now: number): NewDelivery {
  const body = {
    event_type: event,
    agent_details: {
      agentId: agent.agentId,
      agentName: agent.agentName,
      version: agent.version,
      capabilities: agent.capabilities,
      contactEndpoint: agent.contactEndpoint,
      metadata: agent.metadata,
    },
  };
  return {
    id: newId(),
    kind: 'webhook',
    agentId: agent.agentId,
    lane: laneOf('webhook', agent.agentId),
    name: event,
    createdAt: now,
    dueAt: now,
    body: Buffer.from(JSON.stringify(body)),
    traceparent: null,
  };
}
