// The smallest agent. Usage: node examples/minimal-agent.ts (AGENTKIT_API_KEY, OPSCORE_API_URL, OPSCORE_API_KEY)
import { createAgent } from '../src/sdk/index.ts';
await createAgent({
  name: 'echo',
  version: '1.0.0',
  capabilities: ['echo'],
  tasks: { echo: (task) => task.parameters },
});
