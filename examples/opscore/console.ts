import { createInterface } from 'node:readline';
import { logLine } from '../lib/log-line.ts';
import { isObject } from './http.ts';
import type { TaskRunner } from './task-runner.ts';

const HELP = 'run AGENT_NAME TASK_NAME [JSON object]  or  agentkit URL';

/** The operator's commands, one per line of standard input. Its end is not the end of Ops-Core. */
export function readCommands(runner: TaskRunner): void {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [, command = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(line.trim()) ?? [];
    if (command === 'agentkit' && URL.canParse(rest)) return runner.useService(rest);
    const [, agent, task, json] = /^(\S+)\s+(\S+)\s*(.*)$/.exec(rest) ?? [];
    const parameters = parse(json);
    if (command !== 'run' || !agent || !task || parameters === undefined) {
      return logLine('not understood', { takes: HELP });
    }
    void runner.run(agent, task, parameters);
  });
}

function parse(json: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json || '{}');
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
