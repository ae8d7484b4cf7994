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
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key, or an agent token. In open mode none is needed.',
          },
        },
      },
      tags: [
        { name: 'agents', description: 'Registering, finding and leaving.' },
        { name: 'tasks', description: 'Giving an agent a task, and what became of it.' },
        { name: 'deliveries', description: 'Everything that is sent: looking, and mending.' },
        { name: 'keys', description: 'Who may do what.' },
        { name: 'service', description: 'The service itself.' },
      ],
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // The service itself speaks plain HTTP; told to upgrade, a browser would find no page behind it.
    transformStaticCSP: (header) => header.replace(/;?\s*upgrade-insecure-requests/, ''),
  });
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
});
