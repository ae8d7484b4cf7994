import type { FailingDeliveries } from '../../sdk/overview-types.ts';
import { errorOf } from '../delivery-text.ts';

/** What an error of deliveries most likely means, for people: docs/operations.md says more. */
export function whyOf(
  failing: Pick<FailingDeliveries, 'kind' | 'lastError' | 'errorClass'>,
): string {
  const { kind } = failing;
  const error = errorOf(failing) ?? '';
  const receiver = kind === 'task' ? 'the agent' : 'Ops-Core';
  if (error === 'http_401' || error === 'http_403') {
    if (kind === 'state_report') return 'Ops-Core refuses OPSCORE_API_KEY';
    return `${receiver} refuses the signature: another secret, or its clock`;
  }
  if (/^http_(3\d\d|404|405|410)$/.test(error)) {
    return kind === 'task'
      ? 'the agent has no such task, or its endpoint is another'
      : `something else answers: ${kind === 'webhook' ? 'OPSCORE_WEBHOOK_URL' : 'OPSCORE_API_URL'} is wrong`;
  }
  if (/^http_(429|408|425|5\d\d)$/.test(error)) return `${receiver} fails, or has too much to do`;
  if (/^http_4\d\d$/.test(error)) return `${receiver} refuses what is in it`;
  return WHY[error]?.(receiver) ?? `${receiver} did not take it`;
}

const WHY: Readonly<Record<string, (receiver: string) => string>> = {
  connection_refused: (receiver) => `nobody listens where ${receiver} should`,
  connection_reset: (receiver) => `${receiver} broke the connection off`,
  timeout: (receiver) => `${receiver} does not answer in time`,
  dns: (receiver) => `the name of ${receiver} is not known`,
  tls: (receiver) => `no trusted TLS connection to ${receiver}`,
  blocked_address: () => 'the agent lives where agents may not: EGRESS_ALLOW_CIDRS',
  interrupted: () => 'the service was shut down meanwhile',
  agent_deregistered: () => 'the agent has left',
  agent_expired: () => 'the agent was away for longer than AGENT_EXPIRY',
  not_configured: () => 'Ops-Core is not configured any more: OPSCORE_...',
};
