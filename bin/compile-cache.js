// Loaded before the service (`npm start`): with what Node made of our TypeScript at the start before, it need not load the
// compiler that strips the types, which takes 20 MB and a tenth of a second. In JavaScript, or it would be loaded for this.
import { enableCompileCache } from 'node:module';
import { fileURLToPath, URL } from 'node:url';

// The folder of src/compile-cache.ts, which says why it is there.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/agentkit', import.meta.url)));
