import { Type, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type {} from '../../src/plugins/json-body.ts';
import { RequestLog } from '../../src/plugins/request-log.ts';
import { AgentParams, errorResponses, success } from '../../src/routes/schemas.ts';
import { MessageBody, TaskBody } from '../../src/tasks/task-body.ts';
import { newId } from '../../src/ids.ts';
import type { Job } from './queues/queue.ts';

const Accepted = success(
  Type.Object({
    agentId: Type.String(),
    taskId: Type.String(),
    dispatch_status: Type.Literal('scheduled'),
  }),
);

class UnknownAgentError extends Error {
  override readonly message = 'There is no such agent.';
  readonly statusCode = 404;
}

/**
 * The HTTP side of every peer but node:http: Fastify with the service's schemas and its one log line per request.
 * `accept` resolves when the task is as safe as the peer makes it.
 */
export function createFront(
  log: FastifyBaseLogger,
  isKnown: (agentId: string) => boolean,
  accept: ((job: Job) => Promise<void>) | undefined,
): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    logController: new RequestLog(),
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.decorateRequest('joined', undefined);

  // Whoever passes a task on needs its bytes; who answers from memory has Fastify's own parser.
  if (accept !== undefined) {
    app.decorateRequest('bodyBytes', null as never);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      (request, bytes: Buffer, done) => {
        request.bodyBytes = bytes;
        try {
          done(null, JSON.parse(bytes.toString()));
        } catch (error) {
          done(error as Error);
        }
      },
    );
  }

  app.post(
    '/v1/agents/:agent_id/run',
    {
      schema: {
        params: AgentParams,
        body: Type.Union([TaskBody, MessageBody]),
        response: { 202: Accepted, ...errorResponses(404, 409, 422, 429) },
      },
    },
    async (request, reply) => {
      const agentId = request.params.agent_id;
      if (!isKnown(agentId)) throw new UnknownAgentError();
      const id = newId();
      // What the service's line says as well.
      request.joined = { taskId: id, traceId: id.replaceAll('-', '') };
      if (accept !== undefined) await accept({ id, agentId, body: request.bodyBytes });
      return reply
        .status(202)
        .header('location', `/v1/tasks/${id}`)
        .send({
          status: 'success',
          message: 'Task accepted for dispatch.',
          data: { agentId, taskId: id, dispatch_status: 'scheduled' },
        });
    },
  );
  return app;
}
