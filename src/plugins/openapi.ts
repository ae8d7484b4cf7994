import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** The OpenAPI document, generated from the routes' schemas: `/openapi.json`, browsable at `/docs`. */
export const openapi = fp(async (app: FastifyInstance, { version }: { version: string }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'AgentKit service',
        version,
        description: 'The piece between an orchestrator and its AI agents.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'agents', description: 'Registering, finding and leaving.' },
        { name: 'tasks', description: 'Giving an agent a task, and what became of it.' },
        { name: 'service', description: 'The service itself.' },
      ],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});
