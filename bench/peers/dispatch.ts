import type { FastifyBaseLogger } from 'fastify';
import { Agent, request } from 'undici';
import { signatureHeaders } from '../../src/webhook/sign.ts';
import type { PeerAgent } from './peer.ts';
import type { Deliver } from './queues/queue.ts';

interface Deps {
  readonly agents: readonly PeerAgent[];
  readonly secret: string;
  /** For those that are no agent of ours: a registration's webhook. */
  readonly webhookUrl: string | undefined;
  readonly log: FastifyBaseLogger;
  readonly onFailure: () => void;
}

/**
 * How every peer delivers: signed as the service signs, through undici with the service's settings (keep-alive, 128
 * connections per origin, no pipelining), one log line per attempt. Leaner than the service where it may be: undici's
 * own timeouts in place of one deadline, the answer dumped, no address judged.
 */
export function createDispatch({ agents, secret, webhookUrl, log, onFailure }: Deps): Deliver {
  const http = new Agent({
    connections: 128,
    pipelining: 1,
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  });
  const urls = new Map(agents.map(({ id, url }) => [id, url]));
  const secrets = { hex: secret, standard: [secret] };

  return async ({ id, agentId, body }) => {
    const start = performance.now();
    const answer = await request(urls.get(agentId) ?? webhookUrl ?? '', {
      method: 'POST',
      dispatcher: http,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'peer',
        'x-agentkit-task-id': id,
        'x-agentkit-attempt': '1',
        ...signatureHeaders(secrets, id, Math.floor(Date.now() / 1000), body),
      },
      body,
    });
    await answer.body.dump();
    const delivered = answer.statusCode >= 200 && answer.statusCode < 300;
    log.info(
      {
        kind: 'task',
        trace_id: id.replaceAll('-', ''),
        task_id: id,
        agent_id: agentId,
        name: 'summarize',
        attempt: 1,
        outcome: delivered ? 'delivered' : 'retry',
        status_code: answer.statusCode,
        error: null,
        duration_ms: Math.round(performance.now() - start),
      },
      'attempt',
    );
    if (delivered) return;
    onFailure();
    throw new Error(`the agent answered ${String(answer.statusCode)}`);
  };
}
