import { createHash, timingSafeEqual } from 'node:crypto';
import { AGENT_STATES, type AgentState } from '../../src/sdk/index.ts';
import { logLine } from '../lib/log-line.ts';
import { jsonObject, type Answer, type Received } from './http.ts';
import type { Roster } from './roster.ts';

/**
 * `POST /v1/opscore/agent/{agent_id}/state` (contract section 5): 202; 401 without the key; 400 when the body is not a
 * report of this agent; 404 for an agent whose REGISTER has not come (yet: it tries again).
 */
export function createStateEndpoint(
  roster: Roster,
  apiKey: string,
): (agentId: string, request: Received) => Answer {
  return (agentId, { headers, rawBody }) => {
    if (!sameText(headers.authorization ?? '', `Bearer ${apiKey}`)) {
      return refuse(401, agentId, 'The key is missing or wrong.');
    }
    const report = jsonObject(rawBody);
    if (report === undefined) return refuse(400, agentId, 'The body is not a JSON object.');
    if (report['agentId'] !== agentId) {
      return refuse(400, agentId, 'agentId is not that of the path.');
    }
    const { state } = report;
    if (!isState(state)) return refuse(400, agentId, 'state is none of the known ones.');
    const agent = roster.get(agentId);
    if (agent === undefined) return refuse(404, agentId, 'There is no agent with this id.');
    agent.state = state;
    logLine('state taken', { status: 202, agentId, state, details: report['details'] });
    return { status: 202, body: { status: 'accepted' } };
  };
}

function isState(value: unknown): value is AgentState {
  return AGENT_STATES.includes(value as AgentState);
}

/** In constant time, whatever the lengths: digests are compared. */
function sameText(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function refuse(status: number, agentId: string, detail: string): Answer {
  logLine('state refused', { status, agentId, detail });
  return { status, body: { detail } };
}
