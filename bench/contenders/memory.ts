import { bareContender, queueContender } from './peer.ts';

export const bareHttp = bareContender('http', 'node:http, from memory', 'peers/bare-http.ts');

export const bareFastify = bareContender(
  'fastify',
  'Fastify, from memory',
  'peers/bare-fastify.ts',
);

export const relay = queueContender({
  name: 'relay',
  title: 'Fastify + undici relay, from memory',
  durability: 'in memory: what waits or is in flight is lost with the process',
  queue: 'memory',
  // As the service by default (AGENT_CONCURRENCY); 64 and 128 were no faster.
  concurrency: 16,
  apart: false,
  open: async () => ({ url: '', serverPids: [], remove: async () => undefined }),
});
