import { verifySignature } from '../../src/sdk/index.ts';
import { logLine } from '../lib/log-line.ts';
import { isObject, jsonObject, type Answer, type Received } from './http.ts';
import type { Roster } from './roster.ts';

/**
 * Takes the lifecycle webhooks of the service (contract section 3). Verified first, parsed then; any 2xx means that
 * the event is taken, anything else that it comes again or is a dead letter.
 */
export function createWebhookReceiver(
  roster: Roster,
  secret: string,
): (request: Received) => Answer {
  /** An event may come twice, with the same id. A real Ops-Core remembers the ids in its database. */
  const taken = new Set<string>();

  return ({ headers, rawBody }) => {
    const verified = verifySignature({ body: rawBody, headers, secret });
    if (!verified.ok) return refuse(401, verified.reason);
    // Only the hex headers came, which sign no id: by that a copy could not be told from a new event.
    if (verified.id === undefined) return refuse(401, 'missing_signature');
    const { id } = verified;
    if (taken.has(id)) return { status: 200, body: { status: 'taken before' } };

    const event = jsonObject(rawBody);
    const details = event?.['agent_details'];
    if (event === undefined || !isObject(details)) return refuse(400, 'malformed');
    const { agentId, agentName } = details;
    if (typeof agentId !== 'string' || typeof agentName !== 'string') {
      return refuse(400, 'malformed');
    }
    switch (event['event_type']) {
      case 'REGISTER':
        // Comes again when an agent changed: what it reported since stays.
        if (!roster.has(agentId)) roster.set(agentId, { agentName, state: 'initializing' });
        break;
      case 'DEREGISTER':
        roster.delete(agentId);
        break;
      default:
        return refuse(400, 'malformed');
    }
    taken.add(id);
    logLine('webhook taken', {
      status: 202,
      event_type: event['event_type'],
      agentId,
      agentName,
      webhookId: id,
      // Enough to be recognised by, too little to be used.
      signature: String(headers['x-agentkit-signature']).slice(0, 12),
    });
    return { status: 202, body: { status: 'accepted' } };
  };
}

function refuse(status: number, reason: string): Answer {
  logLine('webhook refused', { status, reason });
  return { status, body: { detail: reason } };
}
