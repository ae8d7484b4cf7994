import { startAgentServer, status, type AgentServer } from '../../helpers/agent-server.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startFakeOpscore, type FakeOpscore } from '../../helpers/fake-opscore.ts';
import { startService, type Environment, type Running } from '../../security/helpers/service.ts';

/** An Ops-Core, an agent and the service between them, for one test. */
export interface Scene {
  readonly service: Running;
  readonly opscore: FakeOpscore;
  readonly agent: AgentServer;
  /** Registers agents at the agent's server. */
  register(names: readonly string[]): Promise<readonly string[]>;
  /** Gives an agent a task. @returns its id. */
  run(agentId: string, name?: string): Promise<string>;
  /** Waits until a delivery is in a state. */
  inState(deliveryId: string, state: string): Promise<void>;
  /** How many deliveries a filter finds, up to 1,000. */
  count(query: string): Promise<number>;
}

export async function startScene(env: Environment = {}, token?: string): Promise<Scene> {
  const opscore = await startFakeOpscore();
  const agent = await startAgentServer(status(202, { body: 'taken' }));
  const service = await startService({
    ...opscore.env,
    WEBHOOK_RETRY_SCHEDULE: '10ms',
    TASK_RETRY_SCHEDULE: '1h',
    ...env,
  });
  const ask = async (path: string) =>
    (await service.call('GET', path, { token })).json.data as never;
  return {
    service,
    opscore,
    agent,
    register: async (names) => {
      const agents = await Promise.all(
        names.map((agentName) =>
          service.register({ agentName, contactEndpoint: agent.url, capabilities: ['sum'] }, token),
        ),
      );
      return agents.map(({ agentId }) => agentId);
    },
    run: async (agentId, name = 'summarize') => {
      const answer = await service.call('POST', `/v1/agents/${agentId}/run`, {
        token,
        body: { task_name: name },
      });
      if (answer.status !== 202) throw new Error(answer.text);
      return (answer.json.data as { taskId: string }).taskId;
    },
    inState: (deliveryId, state) =>
      eventually(
        async () => (await ask(`/v1/deliveries/${deliveryId}`))['state'] === state,
        `${deliveryId} ${state}`,
      ),
    count: async (query) => ((await ask(`/v1/deliveries?limit=1000&${query}`)) as unknown[]).length,
  };
}
