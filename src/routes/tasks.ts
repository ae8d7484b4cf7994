import { Type, type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { invalid } from '../errors.ts';
import type { Access } from '../auth/principal.ts';
import { MessageBody, TaskBody } from '../tasks/task-body.ts';
import type { Tasks } from '../tasks/tasks.ts';
import type { Clock } from '../clock.ts';
import { traceHeadersOf } from '../dispatcher/traceparent.ts';
import type { Tracing } from '../dispatcher/tracing.ts';
import { newId } from '../ids.ts';
import { traceIdOf } from '../outbox/delivery.ts';
import type { Joined } from '../plugins/request-log.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import {
  AgentParams,
  DeliveryStateSchema,
  errorResponses,
  success,
  successPage,
  TaskListItem,
  TaskParams,
  TaskView,
} from './schemas.ts';
import { taskListItem, taskView } from './views.ts';

const TASK_POSITION = /^\d{1,16}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

const Accepted = success(
  Type.Object({
    agentId: Type.String(),
    taskId: Type.String(),
    dispatch_status: Type.Literal('scheduled'),
  }),
);

const TasksQuery = Type.Object({
  state: Type.Optional(DeliveryStateSchema),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
});

const RUN = '/v1/agents/:agent_id/run';

const DISPATCHING: Access = { scopes: ['dispatch'] };

/** Contract section 4. */
export function taskRoutes(
  tasks: Tasks,
  tracing: Tracing,
  clock: Clock,
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      RUN,
      {
        config: { access: DISPATCHING },
        schema: {
          summary: 'Give an agent a task',
          description:
            'Takes a task or a message. 202 means that it is on disk; the agent gets the same bytes, signed. ' +
            'With an Idempotency-Key the same request may be sent again and yields the same taskId.',
          tags: ['tasks'],
          params: AgentParams,
          body: Type.Union([TaskBody, MessageBody]),
          response: { 202: Accepted, ...errorResponses(404, 409, 422, 429) },
        },
        // The union's own errors name no path; the domain says which shape was meant and where it is wrong.
        validatorCompiler: ({ httpPart }) =>
          httpPart === 'body' ? () => true : (value: unknown) => ({ value }),
      },
      async (request, reply) => {
        const newTaskId = newId();
        const span = tracing.request(
          traceHeadersOf(
            oneOf(request.headers['traceparent']),
            allOf(request.headers['tracestate']),
          ),
          {
            taskId: newTaskId,
            route: RUN,
            startedAt: Math.round(clock.wall() - reply.elapsedTime),
          },
        );
        const joined: Joined = { taskId: undefined, traceId: traceIdOf(span.context), span };
        request.joined = joined;
        const taskId = await tasks.run({
          taskId: newTaskId,
          agentId: request.params.agent_id,
          bytes: request.bodyBytes,
          body: request.body,
          idempotencyKey: idempotencyKey(request.headers['idempotency-key']),
          trace: span.context,
        });
        joined.taskId = taskId;
        return reply
          .status(202)
          .header('location', `/v1/tasks/${taskId}`)
          .send({
            status: 'success',
            message: 'Task accepted for dispatch.',
            data: { agentId: request.params.agent_id, taskId, dispatch_status: 'scheduled' },
          });
      },
    );

    app.get(
      '/v1/tasks/:task_id',
      {
        config: { access: { scopes: ['dispatch', 'read'], agentToken: 'handler' } },
        schema: {
          summary: 'Get a task with its attempts',
          tags: ['tasks'],
          params: TaskParams,
          response: { 200: success(TaskView), ...errorResponses(404) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Task found.',
        data: taskView(
          await tasks.get(request.params.task_id, request.principal),
          request.principal,
        ),
      }),
    );

    app.get(
      '/v1/agents/:agent_id/tasks',
      {
        config: { access: { scopes: ['dispatch', 'read'], agentToken: 'self' } },
        schema: {
          summary: "List an agent's tasks, the newest first",
          tags: ['tasks'],
          params: AgentParams,
          querystring: TasksQuery,
          response: { 200: successPage(TaskListItem), ...errorResponses(404, 422) },
        },
      },
      async (request) => {
        const { state, limit, cursor } = request.query;
        const page = await tasks.listOfAgent(request.params.agent_id, {
          limit,
          before: decodeCursor(cursor, TASK_POSITION),
          ...(state === undefined ? {} : { state }),
        });
        return {
          status: 'success' as const,
          message: `${page.items.length} tasks.`,
          data: page.items.map(taskListItem),
          next_cursor: encodeCursor(page.next),
        };
      },
    );

    app.post(
      '/v1/tasks/:task_id/cancel',
      {
        config: { access: DISPATCHING },
        schema: {
          summary: 'Cancel a task',
          description: 'No attempt starts after the 200; one that is in flight runs out.',
          tags: ['tasks'],
          params: TaskParams,
          response: { 200: success(TaskView), ...errorResponses(404, 409) },
        },
      },
      async (request) => ({
        status: 'success' as const,
        message: 'Task cancelled.',
        data: taskView(
          await tasks.cancel(request.params.task_id, request.principal),
          request.principal,
        ),
      }),
    );
  };
}

type Header = string | string[] | undefined;

const oneOf = (header: Header) => (Array.isArray(header) ? header[0] : header);
const allOf = (header: Header) => (Array.isArray(header) ? header.join(',') : header);

/** @throws ApiError validation_failed. */
function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && IDEMPOTENCY_KEY.test(header)) return header;
  throw invalid([
    {
      path: '/headers/idempotency-key',
      message: 'Expected 1 to 255 printable ASCII characters without spaces',
    },
  ]);
}
