import { createAgent, type Agent } from '../../sdk/agent.ts';
import type { TaskArrival } from './tell.ts';

export interface DemoAgentOptions {
  readonly name: string;
  readonly service: { readonly url: string; readonly apiKey: string | undefined };
  readonly opscore: { readonly url: string; readonly apiKey: string };
  readonly onTask: (task: TaskArrival) => void;
  readonly onTrouble: (message: string) => void;
  readonly signal: AbortSignal;
}

/** An agent that takes every task and answers with what it was given. */
export function startDemoAgent(options: DemoAgentOptions): Promise<Agent> {
  const { name, service, opscore, onTask, onTrouble, signal } = options;
  return createAgent({
    name,
    version: '1.0.0',
    capabilities: ['echo'],
    baseUrl: service.url,
    apiKey: service.apiKey,
    opscoreApiUrl: opscore.url,
    opscoreApiKey: opscore.apiKey,
    handleSignals: false,
    signal,
    logger: { info: () => undefined, warn: onTrouble, error: onTrouble },
    tasks: ({ taskId, taskName, attempt, parameters }) => {
      onTask({ type: 'task', agentName: name, taskId, taskName, attempt, parameters });
      return { echo: parameters };
    },
  });
}
