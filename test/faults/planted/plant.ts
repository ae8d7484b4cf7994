import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { relative } from 'node:path';
import { edited, SOURCE } from './edited.ts';
import type { PlantedBug } from './bugs.ts';

// Preloaded into a service (NODE_OPTIONS=--import), it makes the edits that PLANTED_BUGS names.

const planted = JSON.parse(process.env['PLANTED_BUGS'] ?? '[]') as PlantedBug[];

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:')) return loaded;
    const file = relative(SOURCE, fileURLToPath(url));
    if (file.startsWith('..') || loaded.source === undefined) return loaded;
    const text = Buffer.from(loaded.source as Uint8Array).toString();
    return { ...loaded, source: edited(file, text, planted) };
  },
});
