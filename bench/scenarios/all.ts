import { accept } from './accept.ts';
import { endToEnd } from './end-to-end.ts';
import type { Scenario } from './scenario.ts';

export const scenarios: readonly Scenario[] = [accept, endToEnd];
