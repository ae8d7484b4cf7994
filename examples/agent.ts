// An agent that knows Ops-Core: two tasks, one of which can fail. The SDK registers it, verifies what it is sent,
// reports its states to Ops-Core, and deregisters it on Ctrl-C.
//
//   OPSCORE_API_URL=http://127.0.0.1:9100 OPSCORE_API_KEY=... node examples/agent.ts
//
//   AGENTKIT_API_KEY                  a key of scope register, where the service asks for one
//   OPSCORE_API_URL, OPSCORE_API_KEY  where states are reported; without both, none are
//   AGENTKIT_URL                      the service, if it is not at http://127.0.0.1:8000
//   AGENT_NAME                        default worker; must be unique among registered agents
//
// In a project of your own the import is from '@agentkit/sdk'.
import { createAgent, type Task } from '../src/sdk/index.ts';
import { logLine } from './lib/log-line.ts';

/** What a handler returns goes to Ops-Core with `finished`. */
function summarize(task: Task): unknown {
  logTaken(task);
  const { text } = task.parameters;
  if (typeof text !== 'string') throw new Error('parameters.text must be a string');
  const [firstSentence = ''] = text.split(/(?<=[.!?])\s/);
  return { summary: firstSentence, words: text.split(/\s+/).filter(Boolean).length };
}

/** What a handler throws goes to Ops-Core with `error`: the message alone. */
function divide(task: Task): unknown {
  logTaken(task);
  const { dividend, divisor } = task.parameters;
  if (typeof dividend !== 'number' || typeof divisor !== 'number') {
    throw new Error('parameters.dividend and parameters.divisor must be numbers');
  }
  if (divisor === 0) throw new Error('cannot divide by zero');
  return { quotient: dividend / divisor };
}

/** A handler sees only tasks whose signature the SDK has verified. */
function logTaken({ taskId, taskName, opscoreTaskId, attempt }: Task): void {
  logLine('task taken', { taskId, taskName, opscoreTaskId, attempt });
}

const agent = await createAgent({
  name: process.env['AGENT_NAME'] ?? 'worker',
  version: '1.0.0',
  capabilities: ['summarize', 'divide'],
  metadata: { team: 'examples' },
  tasks: { summarize, divide },
}).catch((error: unknown) => {
  // The service refused the registration: a wrong key, or the name of somebody else's agent.
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
});
logLine('the agent is ready', { url: agent.url, agentId: agent.agentId });
