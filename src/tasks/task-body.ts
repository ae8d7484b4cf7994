import type { FieldError } from '../errors.ts';
import { Type } from '@sinclair/typebox';
import { compileValidator, orNull } from '../validation.ts';

/** The name of a task or of a message: it is listed and logged, and so has no control characters, like an agent's. */
const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]+$',
});
const Id = Type.String({ maxLength: 200 });
const AnyObject = Type.Record(Type.String(), Type.Unknown());

/** `POST /run`, first shape (contract section 4); unknown keys are kept. */
export const TaskBody = Type.Object(
  {
    task_name: Name,
    parameters: orNull(AnyObject),
    opscore_session_id: orNull(Id),
    opscore_task_id: orNull(Id),
  },
  { title: 'Task', description: 'A task. Unknown keys are kept and reach the agent.' },
);

/** `POST /run`, second shape. The real Ops-Core puts its ids into `sessionContext`. */
export const MessageBody = Type.Object(
  {
    senderId: Type.String({ minLength: 1, maxLength: 200 }),
    messageType: Name,
    payload: AnyObject,
    sessionContext: orNull(
      Type.Object({
        sessionId: orNull(Id),
        workflowId: orNull(Id),
        taskId: orNull(Id),
      }),
    ),
    timestamp: Type.Optional(Type.Unknown()),
    task_name: orNull(Name),
    opscore_session_id: orNull(Id),
    opscore_task_id: orNull(Id),
  },
  { title: 'Message', description: 'A message. Unknown keys are kept and reach the agent.' },
);

const task = compileValidator(TaskBody);
const message = compileValidator(MessageBody);

/** What the service itself reads of a body; the agent gets the bytes as they came. */
interface RunBody {
  readonly task_name?: string | null;
  readonly messageType?: string;
  readonly opscore_session_id?: string | null;
  readonly opscore_task_id?: string | null;
  readonly sessionContext?: {
    readonly sessionId?: string | null;
    readonly taskId?: string | null;
  } | null;
}

/**
 * Which of the two shapes a body means to be. `messageType` decides; without `task_name`, so do the other keys
 * of a message, since the errors should speak of the shape that the caller had in mind.
 */
function meansMessage(body: object): boolean {
  return (
    'messageType' in body || (!('task_name' in body) && ('senderId' in body || 'payload' in body))
  );
}

/** The faults of a `/run` body, each with its path; empty when it is valid in the shape that it means to be. */
export function validateRunBody(body: unknown): FieldError[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return [{ path: '', message: 'Expected a JSON object: a task or a message' }];
  }
  return (meansMessage(body) ? message : task).faults(body);
}

/** The name under which people find it: the task's, else the message's type. */
export function nameOf(body: unknown): string {
  const { task_name, messageType } = body as RunBody;
  return task_name ?? messageType ?? '';
}

/** Ops-Core's own ids, from either place; the top level goes before `sessionContext`. */
export function opscoreIds(body: Uint8Array): { taskId: string | null; sessionId: string | null } {
  const run = JSON.parse(Buffer.from(body).toString('utf8')) as RunBody;
  return {
    taskId: run.opscore_task_id ?? run.sessionContext?.taskId ?? null,
    sessionId: run.opscore_session_id ?? run.sessionContext?.sessionId ?? null,
  };
}
