import { accept } from './accept.ts';
import { agents } from './agents.ts';
import { backlog } from './backlog.ts';
import { endToEnd } from './end-to-end.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { registration } from './registration.ts';
import type { Scenario } from './scenario.ts';
import { start } from './start.ts';
import { stored } from './stored.ts';

export const scenarios: readonly Scenario[] = [
  accept,
  endToEnd,
  latency,
  registration,
  agents,
  stored,
  backlog,
  start,
  memory,
];
