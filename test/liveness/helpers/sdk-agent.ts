// An SDK agent as a process of its own; startAgentProcess starts it. It says in JSON lines what happens to it.
import { createAgent } from '../../../src/sdk/index.ts';

const say = (msg: string, fields: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ msg, ...fields })}\n`);
};
const log = (line: string): void => {
  say('log', { line });
};

const agent = await createAgent({
  name: process.env['AGENT_NAME'] ?? 'agent',
  version: '1.0.0',
  leaseSeconds: Number(process.env['AGENT_LEASE'] ?? '1'),
  tasks: {
    note: (task) => {
      say('task', { n: task.parameters['n'], url: agent.url });
    },
    block: (task) => {
      say('blocking');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(task.parameters['ms']));
      say('blocked');
    },
  },
  logger: { info: log, warn: log, error: log },
});
say('ready', { agentId: agent.agentId, url: agent.url });
