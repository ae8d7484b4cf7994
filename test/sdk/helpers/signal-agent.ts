// A process of its own for agent-close.test.ts, as a signal is for a process. Told by the parent's message `go`,
// the task `slow` ends. AGENTKIT_URL and OPSCORE_* come by the environment.
import { createAgent } from '../../../src/sdk/index.ts';

const go = new Promise<void>((resolve) => {
  process.once('message', () => {
    resolve();
  });
});
// What an agent's own code may leave open: the exit must not wait for it.
setInterval(() => undefined, 1000);

await createAgent({ name: 'signalled', version: '1', tasks: { slow: () => go } });
// After the agent's own listener, so that it is stopping once the parent hears of it.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.send?.('stopping'));
process.send?.('ready');
