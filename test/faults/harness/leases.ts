import type { PlantedBug } from '../planted/bugs.ts';
import { short } from './experiment.ts';

/**
 * For experiments that wait for leases to run out: as they are, 10 s longer than the longest attempt, in the full form;
 * in the short one 2 s longer. Nothing else of the service is changed.
 */
export const leases: readonly PlantedBug[] = short ? ['leases are short'] : [];
