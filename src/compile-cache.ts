import { fileURLToPath } from 'node:url';

/**
 * Where Node keeps what it made of our TypeScript (NODE_COMPILE_CACHE): without it every start, of the process and of
 * each thread, loads the compiler that strips the types: 80 ms and 20 MB. Beside the packages and not in the system's
 * folder for temporary files, where others could leave code for us. One that cannot be written is done without.
 */
export const compileCacheFolder = fileURLToPath(
  new URL('../node_modules/.cache/agentkit', import.meta.url),
);
