import { randomUUID } from 'node:crypto';
import { logLine } from '../lib/log-line.ts';
import type { KnownAgent, Roster } from './roster.ts';

export interface TaskRunner {
  /** Where the service is, if it was not known at the start. */
  useService(url: string): void;
  /** Gives an agent a task. What becomes of it is logged; never rejects. */
  run(agentName: string, taskName: string, parameters: Record<string, unknown>): Promise<void>;
}

/** Gives tasks to idle agents by `POST /v1/agents/{agent_id}/run` (contract section 4). */
export function createTaskRunner(
  roster: Roster,
  service: { readonly url: string; readonly apiKey: string | undefined },
): TaskRunner {
  let { url } = service;

  async function send(agentId: string, agent: KnownAgent, body: object, taskId: string) {
    // Taken out of the idle ones before it is sent: the agent's report may overtake the answer.
    agent.state = 'dispatched';
    const response = await fetch(new URL(`/v1/agents/${agentId}/run`, url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        // After a lost answer the same request may be sent again: the same key runs the task once.
        'idempotency-key': taskId,
        ...(service.apiKey === undefined ? {} : { authorization: `Bearer ${service.apiKey}` }),
      },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json()) as {
      data?: { taskId?: string };
      error_code?: string;
    };
    return { status: response.status, answer };
  }

  return {
    useService: (given) => {
      url = given;
    },
    run: async (agentName, taskName, parameters) => {
      const found = [...roster].find(([, agent]) => agent.agentName === agentName);
      if (found === undefined) return notSent(`there is no agent named ${agentName}`);
      const [agentId, agent] = found;
      if (agent.state !== 'idle') return notSent(`${agentName} is ${agent.state}, not idle`);
      const opscoreTaskId = randomUUID();
      const body = {
        task_name: taskName,
        parameters,
        opscore_task_id: opscoreTaskId,
        opscore_session_id: randomUUID(),
      };
      try {
        const { status, answer } = await send(agentId, agent, body, opscoreTaskId);
        if (status === 202) {
          const taskId = answer.data?.taskId;
          return logLine('task sent', { status, agentId, taskName, taskId, opscoreTaskId });
        }
        notSent(`the service answered ${String(status)} ${answer.error_code ?? ''}`);
      } catch (error) {
        notSent(`no answer from the service: ${(error as Error).name}`);
      }
      release(agent);
    },
  };
}

function release(agent: KnownAgent): void {
  if (agent.state === 'dispatched') agent.state = 'idle';
}

function notSent(reason: string): void {
  logLine('task not sent', { reason });
}
