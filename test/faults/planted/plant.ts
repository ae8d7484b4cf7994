import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { relative } from 'node:path';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { edited, SOURCE } from './edited.ts';
import type { PlantedBug } from './bugs.ts';

// Preloaded into a service (NODE_OPTIONS=--import), it makes the edits that PLANTED_BUGS names.

const NAME = 'PLANTED_BUGS';

/** Threads of the service have an environment of their own. */
const named = isMainThread ? process.env[NAME] : (getEnvironmentData(NAME) as string | undefined);
setEnvironmentData(NAME, named);

const planted = JSON.parse(named ?? '[]') as PlantedBug[];

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
