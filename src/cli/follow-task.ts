import type { TaskAttempt, TaskRecord } from '../sdk/api-types.ts';
import type { AgentKitClient } from '../sdk/client.ts';
import type { CliContext } from './context.ts';
import { CliError, Failure, INTERRUPTED } from './exit.ts';
import { patiently } from './patience.ts';
import { pause } from './pause.ts';
import { plain } from './plain.ts';

/** Between two looks: soon at first, as most tasks are taken within milliseconds. */
const FIRST_LOOK_MS = 50;
const SLOWEST_LOOK_MS = 2_000;

/**
 * Tells how a task goes, attempt by attempt, until it has ended: a line for people, a JSON document on a line for
 * programs (each attempt, then the whole task).
 * @throws Failure when it ended without a delivery; CliError after Ctrl-C.
 */
export async function followTask(
  { terminal, interrupted }: CliContext,
  client: AgentKitClient,
  taskId: string,
  json: true | undefined,
): Promise<void> {
  const signal = interrupted();
  const tell = (data: object, text: string) =>
    terminal.print(json === true ? JSON.stringify(data) : text);
  let told = 0;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 1.5, SLOWEST_LOOK_MS)) {
    const task = await patiently(() => client.getTask(taskId), signal);
    for (const attempt of task.attempts.slice(told)) tell({ taskId, attempt }, lineOf(attempt));
    if (task.attempts.length > told) wait = FIRST_LOOK_MS;
    told = task.attempts.length;
    if (task.state !== 'scheduled') {
      tell({ task }, `${task.name}: ${task.state}${reasonOf(task)}`);
      if (task.state !== 'delivered') throw new Failure();
      return;
    }
    terminal.progress(`${plain(task.name)}: ${waitingOf(task)}`);
    await pause(wait, signal);
    if (signal.aborted) {
      throw new CliError(
        `the task goes on; to watch it: agentkit tasks watch ${taskId}`,
        INTERRUPTED,
      );
    }
  }
}

function lineOf({ number, outcome, statusCode, errorClass, durationMs }: TaskAttempt): string {
  const answer = statusCode === null ? (errorClass ?? 'no answer') : String(statusCode);
  const time = durationMs === null ? '' : ` after ${durationMs} ms`;
  return `attempt ${number}: ${outcome} (${answer}${time})`;
}

function waitingOf({ nextAttemptAt }: TaskRecord): string {
  return nextAttemptAt === null ? 'an attempt is under way' : `next attempt at ${nextAttemptAt}`;
}

function reasonOf({ lastError }: TaskRecord): string {
  return lastError === null ? '' : ` (${lastError})`;
}
