import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  startAgentServer,
  status,
  type AgentServer,
  type Behaviour,
} from '../../helpers/agent-server.ts';
import { startFakeOpscore, type FakeOpscore } from '../../helpers/fake-opscore.ts';
import { tempDir, type Environment } from '../../helpers/service-process.ts';
import type { History } from '../oracle/history.ts';
import { judge, type Verdict } from '../oracle/oracle.ts';
import { arrivalsAtAgent, arrivalsAtOpscore } from './arrivals.ts';
import { createClient, type Client } from './client.ts';
import { registerAgent } from './operations.ts';
import type { Onlooker } from './onlooker.ts';
import { postgresOnlooker } from './postgres-onlooker.ts';
import type { PlantedBug } from '../planted/bugs.ts';
import { preloads } from './preload.ts';
import type { Random } from './random.ts';
import { createReplicas, type Replicas } from './replicas.ts';
import { sqliteOnlooker } from './sqlite-onlooker.ts';

/** What an experiment is given: chance, and the bugs that its services have. */
export interface Scene {
  readonly random: Random;
  readonly planted?: readonly PlantedBug[];
}

interface Setup extends Scene {
  readonly store: 'sqlite' | 'postgres' | Onlooker;
  readonly replicas?: number;
  /** Replicas beyond these, which are not started yet. */
  readonly spare?: number;
  /** Agents that take tasks. */
  readonly agents?: number;
  readonly behave?: Behaviour;
  /** Puts something before an agent: the address that it is registered with. */
  readonly reach?: (agent: AgentServer, index: number) => Promise<string>;
  readonly env?: Environment;
  /** Where the services and an SQLite file live. */
  readonly folder?: string;
  /** The services log to files there. */
  readonly logInFolder?: boolean;
  /** The services' wall clock can be moved. */
  readonly movableClock?: boolean;
  readonly client?: Partial<Parameters<typeof createClient>[0]>;
}

export interface Stage {
  readonly replicas: Replicas;
  readonly onlooker: Onlooker;
  /** Of Ops-Core, which asks for tasks. */
  readonly client: Client;
  /** Of agents. Its connections are never cut: see `register`. */
  readonly calm: Client;
  readonly opscore: FakeOpscore;
  readonly agents: readonly (AgentServer & { readonly agentId: string })[];
  /** Waits until nothing is scheduled any more. */
  drained(limitMs?: number): Promise<void>;
  /** Moves the wall clock of all services that run by so much from where it was at first. */
  moveClock(ms: number): Promise<void>;
  /** All that happened so far, */
  history(): Promise<History>;
  /** ... and what the oracle says of it. */
  judged(): Promise<Verdict>;
}

/** Where an experiment takes place: services, agents and Ops-Core, all real; ended with the test. */
export async function setStage(setup: Setup): Promise<Stage> {
  const { random, behave = status(200), env = {}, planted = [] } = setup;
  const running = setup.replicas ?? 1;
  const { folder = tempDir() } = setup;
  const clockFile = setup.movableClock === true ? join(folder, 'clock') : undefined;
  const onlooker = await onlookerOf(setup.store, folder);
  const opscore = await startFakeOpscore();
  const replicas = createReplicas({
    onlooker,
    folder,
    count: running + (setup.spare ?? 0),
    logInFolder: setup.logInFolder ?? false,
    env: { ...opscore.env, RATE_LIMIT: '1000000', ...preloads(planted, clockFile), ...env },
  });
  for (let index = 0; index < running; index += 1) await replicas.start(index);
  const client = createClient({ targets: replicas.urls, random, ...setup.client });
  const calm = createClient({ targets: replicas.urls, random });

  const agents: (AgentServer & { agentId: string })[] = [];
  for (let index = 0; index < (setup.agents ?? 1); index += 1) {
    const server = await startAgentServer(behave);
    const url = (await setup.reach?.(server, index)) ?? server.url;
    const { agentId, signingSecret } = await registerAgent(calm, `agent-${index}`, url);
    agents.push(Object.assign(server, { agentId, signingSecret }));
  }

  async function history(): Promise<History> {
    return {
      operations: [...calm.operations, ...client.operations],
      arrivals: [...agents.flatMap(arrivalsAtAgent), ...arrivalsAtOpscore(opscore)],
      interruptions: replicas.interruptions,
      stored: await onlooker.deliveries(),
      agents: await onlooker.agents(),
    };
  }

  return {
    replicas,
    onlooker,
    client,
    calm,
    history,
    opscore,
    agents,
    drained: async (limitMs = 60_000) => {
      const deadline = performance.now() + limitMs;
      for (;;) {
        const left = await onlooker.scheduled();
        if (left === 0) return;
        expect(performance.now(), `${left} deliveries were still scheduled`).toBeLessThan(deadline);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    moveClock: async (ms) => {
      if (clockFile === undefined) throw new Error('the clock cannot be moved');
      writeFileSync(clockFile, String(ms));
      await replicas.said(`the clock is off by ${ms} ms`);
    },
    judged: async () => {
      await onlooker.verify();
      return judge(await history());
    },
  };
}

async function onlookerOf(store: Setup['store'], folder: string): Promise<Onlooker> {
  if (store === 'sqlite') return sqliteOnlooker(folder);
  return store === 'postgres' ? postgresOnlooker() : store;
}
