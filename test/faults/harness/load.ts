import type { Stage } from './stage.ts';
import { live, runTask } from './operations.ts';

export interface Load {
  /** Tasks that were taken on so far. */
  readonly tasks: () => number;
  /** Asks for nothing new; resolves when all that was asked for is answered. */
  stop(): Promise<void>;
  /** Resolves when `tasks` were asked for and answered; for a load with an end. */
  readonly done: Promise<void>;
}

interface Shape {
  /** Clients that ask for tasks, one after the other. */
  readonly taskClients: number;
  /** Tasks in all; without, until it is stopped. */
  readonly tasks?: number;
  /** Their numbers begin after this: a second load of an experiment asks for others. */
  readonly firstTask?: number;
  /** Clients that bring agents to life, and take them away. */
  readonly agentClients?: number;
  /** Between two requests of a client, in milliseconds. */
  readonly pauseMs?: number;
}

/** Clients that ask for tasks and register agents, until they are stopped. */
export function startLoad({ client, calm, agents }: Stage, shape: Shape): Load {
  const { taskClients, tasks = Number.POSITIVE_INFINITY, firstTask = 0 } = shape;
  const { agentClients = 0, pauseMs = 0 } = shape;
  let stopped = false;
  let asked = 0;
  let lives = 0;
  const rest = () => new Promise((resolve) => setTimeout(resolve, pauseMs));

  async function takeTasks(): Promise<void> {
    while (!stopped && asked < tasks) {
      asked += 1;
      const agent = agents[asked % agents.length];
      if (agent === undefined) throw new Error('there is no agent to take tasks');
      await runTask(client, agent.agentId, firstTask + asked);
      await rest();
    }
  }

  async function liveLives(): Promise<void> {
    while (!stopped) {
      lives += 1;
      await live(calm, { agentName: `passing-${lives}`, versions: 3, leaves: lives % 2 === 0 });
      await rest();
    }
  }

  const done = Promise.all(Array.from({ length: taskClients }, takeTasks));
  const living = Promise.all(Array.from({ length: agentClients }, liveLives));
  const stop = async () => {
    stopped = true;
    await Promise.all([done, living]);
  };
  return { tasks: () => asked, stop, done: done.then(stop) };
}
