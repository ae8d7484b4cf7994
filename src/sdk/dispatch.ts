import { readHeader, type HeaderSource } from './headers.ts';
import { ReplayGuard, type SeenDispatch } from './replay-guard.ts';
import { verifySignature } from './signature.ts';
import { normaliseTask, readAttempt, type NormalisedTask } from './task.ts';
import type { TaskHandler } from './task-runner.ts';

/** What becomes of one dispatch. */
export type DispatchDecision =
  | { readonly kind: 'run'; readonly task: NormalisedTask; readonly handler: TaskHandler }
  | { readonly kind: 'already_taken' }
  | {
      readonly kind: 'refused';
      readonly statusCode: 400 | 401 | 404 | 503;
      readonly errorCode: string;
      readonly message: string;
    };

export interface DispatchJudge {
  /** No I/O and no await: two copies of one dispatch cannot both be judged new. */
  judge(headers: HeaderSource, body: Uint8Array): DispatchDecision;
}

export interface DispatchRules {
  /** False takes anything from anybody. */
  readonly verify: boolean;
  readonly toleranceSeconds: number;
  now(): number;
  /** The agent's signing secrets, as they count now. */
  secrets(): readonly string[];
  /** Told when a dispatch is signed by a newer secret beside ours: somebody replaced it. */
  outdated?(): void;
  handlerOf(taskName: string): TaskHandler | undefined;
  /** Why nothing can be taken right now, if so. */
  unavailable(): { readonly errorCode: string; readonly message: string } | undefined;
}

/**
 * Signature, then replay, then form, then room, and only then it is taken: a dispatch that is refused leaves no
 * trace, so its retry can still run. By contract section 6 the service tries again after 503, and gives up after
 * 400, 401 and 404.
 */
export function createDispatchJudge(rules: DispatchRules): DispatchJudge {
  const guard = new ReplayGuard();
  return {
    judge(headers, body) {
      const dispatch = rules.verify ? verified(rules, headers, body) : unverified(headers);
      if ('reason' in dispatch) {
        return refused(401, 'invalid_signature', `The signature was refused: ${dispatch.reason}.`);
      }
      switch (guard.see(dispatch)) {
        case 'replay':
          if (rules.verify) return refused(401, 'replayed', 'This dispatch was taken already.');
          return { kind: 'already_taken' };
        case 'retry':
          return { kind: 'already_taken' };
        case 'new':
          break;
      }
      const normalised = normaliseTask(body, headers);
      if (!normalised.ok) return refused(400, 'malformed_task', normalised.message);
      const { task } = normalised;
      const handler = rules.handlerOf(task.taskName);
      if (handler === undefined) {
        return refused(
          404,
          'unknown_task',
          `This agent has no task named ${JSON.stringify(task.taskName.slice(0, 100))}.`,
        );
      }
      const unavailable = rules.unavailable();
      if (unavailable !== undefined)
        return refused(503, unavailable.errorCode, unavailable.message);
      guard.take(dispatch);
      return { kind: 'run', task, handler };
    },
  };
}

function verified(
  rules: DispatchRules,
  headers: HeaderSource,
  body: Uint8Array,
): SeenDispatch | { readonly reason: string } {
  const result = verifySignature({
    body,
    headers,
    secret: rules.secrets(),
    toleranceSeconds: rules.toleranceSeconds,
    now: () => rules.now(),
  });
  if (!result.ok) return { reason: result.reason };
  const { id, timestamp } = result;
  if (rules.outdated !== undefined && isSignedAnew(rules, headers, body)) rules.outdated();
  // The hex headers sign no id: whoever caught a task could cut the others off, and replay it under a new one.
  if (id === undefined) return { reason: 'the Standard Webhooks headers are missing' };
  const taskId = readHeader(headers, 'x-agentkit-task-id');
  // The service uses one id for both. The task's header is not signed, so the signed one vouches for it.
  if (taskId !== undefined && taskId !== id) {
    return { reason: 'X-AgentKit-Task-Id is not the signed webhook-id' };
  }
  return { id, timestamp, attempt: readAttempt(headers) };
}

/** During a rotation the new secret's signature comes first (contract section 3). */
function isSignedAnew(rules: DispatchRules, headers: HeaderSource, body: Uint8Array): boolean {
  const signatures = readHeader(headers, 'webhook-signature') ?? '';
  const [first, ...others] = signatures.split(' ').filter((part) => part.startsWith('v1,'));
  if (first === undefined || others.length === 0) return false;
  const byFirst = verifySignature({
    body,
    headers: {
      'webhook-id': readHeader(headers, 'webhook-id'),
      'webhook-timestamp': readHeader(headers, 'webhook-timestamp'),
      'webhook-signature': first,
    },
    secret: rules.secrets(),
    toleranceSeconds: rules.toleranceSeconds,
    now: () => rules.now(),
  });
  return !byFirst.ok;
}

function unverified(headers: HeaderSource): SeenDispatch {
  const id = readHeader(headers, 'x-agentkit-task-id') ?? readHeader(headers, 'webhook-id');
  return { id, timestamp: 0, attempt: readAttempt(headers) };
}

function refused(
  statusCode: 400 | 401 | 404 | 503,
  errorCode: string,
  message: string,
): DispatchDecision {
  return { kind: 'refused', statusCode, errorCode, message };
}
