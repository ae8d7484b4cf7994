// Loaded before the service (`npm start`): with what Node made of our TypeScript at the start before, it need not load the
// compiler that strips the types, which takes 20 MB and a tenth of a second. In JavaScript, or it would be loaded for this.
import module from 'node:module';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';

// Beside the packages and not in the system's folder for temporary files, where others could leave code for us. One that
// cannot be written is done without. Threads go by the variable.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../node_modules/.cache/agentkit', import.meta.url),
);
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
