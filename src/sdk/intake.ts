import { randomUUID } from 'node:crypto';
import type { AgentSettings } from './agent-options.ts';
import { createDispatchJudge, type DispatchDecision } from './dispatch.ts';
import { errorAnswer, type DispatchAnswer, type DispatchServerOptions } from './dispatch-server.ts';
import type { Registration } from './registration.ts';
import type { TaskRunner } from './task-runner.ts';

export interface IntakeOptions {
  readonly settings: AgentSettings;
  readonly runner: TaskRunner;
  readonly registration: Registration;
  isClosing(): boolean;
  /** Resolves once waiting for the registration is pointless: it is there, or never will be. */
  readonly decided: Promise<void>;
}

/** Below the service's DISPATCH_TIMEOUT (10 s): a 503 tells it more than a timeout. */
const HOLD_MS = 5_000;

/** What the agent's server does with a dispatch: hold, judge, run, answer. */
export function createIntake(
  options: IntakeOptions,
): Pick<DispatchServerOptions, 'admit' | 'accept'> {
  const { settings, runner, registration } = options;
  const judge = createDispatchJudge({
    verify: settings.verify,
    toleranceSeconds: settings.toleranceSeconds,
    now: () => settings.clock.now(),
    secrets: () => registration.secrets(),
    outdated: () => {
      registration.refreshSecret();
    },
    handlerOf: settings.handlerOf,
    unavailable: () => {
      if (options.isClosing()) return { errorCode: 'draining', message: 'The agent is stopping.' };
      if (runner.inFlight < settings.concurrency) return undefined;
      const message = `The agent has ${String(runner.inFlight)} tasks in flight.`;
      return { errorCode: 'busy', message };
    },
  });

  function answer(decision: DispatchDecision): DispatchAnswer {
    const agentId = registration.agentId ?? '';
    switch (decision.kind) {
      case 'refused': {
        const { statusCode, errorCode, message } = decision;
        settings.logger.warn(
          `${settings.name}: refused a task (${String(statusCode)}): ${message}`,
        );
        const headers = statusCode === 503 ? { 'retry-after': '1' } : undefined;
        return errorAnswer(statusCode, errorCode, message, headers);
      }
      case 'already_taken':
        return success('The task was taken before.', agentId);
      case 'run': {
        const { task, handler } = decision;
        runner.start({ ...task, agentId, taskId: task.taskId ?? randomUUID() }, handler);
        return success('The task is taken.', agentId);
      }
    }
  }

  /** A dispatch may overtake the answer that holds the secret to verify it with. */
  async function hold(until: Promise<unknown>): Promise<void> {
    const timer = new AbortController();
    const known = until.catch(() => undefined);
    await Promise.race([known, settings.clock.sleep(HOLD_MS, timer.signal)]);
    timer.abort();
  }

  return {
    admit: async () => {
      if (registration.agentId === undefined) await hold(options.decided);
      else if (registration.changing !== undefined) await hold(registration.changing);
      if (registration.agentId !== undefined) return undefined;
      return errorAnswer(503, 'not_registered', 'The agent is not registered.', {
        'retry-after': '1',
      });
    },
    accept: (headers, body) => answer(judge.judge(headers, body)),
  };
}

function success(message: string, agentId: string): DispatchAnswer {
  return { statusCode: 202, body: { status: 'success', message, data: { agentId } } };
}
