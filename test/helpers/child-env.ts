import { join } from 'node:path';

/**
 * What a child process gets of our environment: where programs are, and nothing that the service would read. With its
 * compiled code kept from one start to the next, a start takes 0.4 s of CPU instead of 0.7.
 */
export const childEnv: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '',
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/agentkit-tests'),
};
