import type { AgentServer } from '../../helpers/agent-server.ts';
import type { FakeOpscore } from '../../helpers/fake-opscore.ts';
import type { Arrival } from '../oracle/history.ts';
import { keyOfEvent, keyOfTask } from './keys.ts';

/** What an agent got. What did not verify is counted by the server alone: it is told as one arrival each. */
export function arrivalsAtAgent(agent: AgentServer): Arrival[] {
  const forged = Array.from({ length: agent.refused() }, () => ({
    id: 'forged',
    key: undefined,
    body: '',
    at: 0,
    verified: false,
    acceptedAt: undefined,
  }));
  const arrivals = agent.dispatches.map(({ taskId, bytes, receivedAt, answeredAt, status }) => {
    const body = bytes.toString();
    return {
      id: taskId,
      key: keyOfTask(body),
      body,
      at: receivedAt,
      verified: true,
      acceptedAt: isAcceptance(status) ? answeredAt : undefined,
    };
  });
  return [...forged, ...arrivals];
}

/** The webhooks that Ops-Core got. */
export function arrivalsAtOpscore(opscore: FakeOpscore): Arrival[] {
  return opscore.arrivals
    .filter(({ kind }) => kind === 'webhook')
    .map((arrival) => {
      const { own, stock } = opscore.verify(arrival);
      const body = arrival.bytes.toString();
      return {
        id: String(arrival.headers['webhook-id']),
        key: keyOfEvent(body),
        body,
        at: arrival.receivedAt,
        verified: own && stock,
        acceptedAt: isAcceptance(arrival.status) ? arrival.answeredAt : undefined,
      };
    });
}

function isAcceptance(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}
