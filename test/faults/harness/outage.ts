import { expect } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import type { Answer } from './client.ts';
import type { Load } from './load.ts';
import type { Stage } from './stage.ts';

interface Outage {
  /** Resolves once nothing can be written any more. */
  begin(): Promise<void>;
  readonly lastsMs: number;
  /** While it lasts. */
  meanwhile?(): Promise<void>;
  end(): Promise<void>;
}

interface Scene {
  readonly stage: Stage;
  readonly load: Load;
  /** All answers that the clients of the load got. */
  readonly answers: readonly Answer[];
}

export interface Course {
  readonly refused: number;
  /** The longest that a client waited for its 503. */
  readonly slowestMs: number;
  /** From its end to the first 202, and until every service says that it is ready. */
  readonly acceptsAfterMs: number;
  readonly readyAfterMs: number;
}

/** The tasks between two outages: so many that each finds all parts of the service at work. */
const TASKS_BEFORE = 300;

/** The answers of `/readyz` of every service. */
export function readiness({ replicas }: Stage): Promise<number[]> {
  return Promise.all(replicas.urls().map(async (url) => (await fetch(`${url}/readyz`)).status));
}

/**
 * An outage of the store under load: nothing is acknowledged, everybody is told 503 by the catalogue, no service says that
 * it is ready; and when it is over all is well again, with nobody's help.
 */
export async function goThrough({ stage, load, answers }: Scene, outage: Outage): Promise<Course> {
  const before = load.tasks();
  await eventually(() => load.tasks() > before + TASKS_BEFORE, 'tasks are asked for');
  await outage.begin();
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, outage.lastsMs));
  for (const status of await readiness(stage)) expect(status).toBe(503);
  const during = answers.filter(({ askedAt }) => askedAt > from);
  expect(during.length).toBeGreaterThan(0);
  expect(new Set(during.map(({ status, code }) => `${status} ${code}`))).toEqual(
    new Set(['503 store_unavailable']),
  );
  await outage.meanwhile?.();
  await outage.end();
  const endedAt = performance.now();
  await eventually(
    () => answers.some(({ at, status }) => at > endedAt && status === 202),
    'a task is accepted again',
  );
  const acceptsAfterMs = performance.now() - endedAt;
  await eventually(
    async () => (await readiness(stage)).every((status) => status === 200),
    'all are ready again',
  );
  return {
    refused: during.length,
    slowestMs: Math.max(...during.map(({ askedAt, at }) => at - askedAt)),
    acceptsAfterMs,
    readyAfterMs: performance.now() - endedAt,
  };
}

/** Several outages in figures. */
export function figuresOfCourses(courses: readonly Course[]): Record<string, number> {
  const most = (of: (course: Course) => number) => Math.round(Math.max(...courses.map(of)));
  return {
    refused: courses.reduce((sum, { refused }) => sum + refused, 0),
    'slowest 503 ms': most(({ slowestMs }) => slowestMs),
    'accepts after ms': most(({ acceptsAfterMs }) => acceptsAfterMs),
    'ready after ms': most(({ readyAfterMs }) => readyAfterMs),
  };
}
