import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Environment } from '../../helpers/service-process.ts';
import type { PlantedBug } from '../planted/bugs.ts';

const PLANT = join(import.meta.dirname, '../planted/plant.ts');
const SHIFT = join(import.meta.dirname, 'clock-shift.ts');

/** The environment of a service with bugs planted, and with a wall clock that can be moved (clock-shift.ts). */
export function preloads(planted: readonly PlantedBug[], clockFile?: string): Environment {
  const files = [
    ...(planted.length === 0 ? [] : [PLANT]),
    ...(clockFile === undefined ? [] : [SHIFT]),
  ];
  if (files.length === 0) return {};
  return {
    NODE_OPTIONS: files.map((file) => `--import ${pathToFileURL(file).href}`).join(' '),
    PLANTED_BUGS: JSON.stringify(planted),
    ...(clockFile === undefined ? {} : { CLOCK_FILE: clockFile }),
  };
}
