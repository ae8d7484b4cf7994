import { join } from 'node:path';
import { eventually } from '../../helpers/eventually.ts';
import { settle } from '../../helpers/until.ts';
import {
  spawnService,
  startService,
  type Environment,
  type Exit,
  type Service,
} from '../../helpers/service-process.ts';
import type { Interruption } from '../oracle/history.ts';
import type { Onlooker } from './onlooker.ts';

/** Services on one database, as processes that are killed, stopped and started again. */
export interface Replicas {
  readonly count: number;
  /** Of those that run; one that is stopped (SIGSTOP) counts as running. */
  readonly urls: () => readonly string[];
  service(index: number): Service | undefined;
  start(index: number, more?: Environment): Promise<void>;
  /** kill -9, at whatever the process is at; notes what it had in flight. */
  kill(index: number): Promise<Interruption>;
  /** Starts it, and kills it so soon that it may not have got to its end. */
  startAndKill(index: number, afterMs: number): Promise<Interruption>;
  /** SIGTERM. */
  end(index: number): Promise<Exit>;
  /** SIGSTOP; notes what it had in flight. */
  stop(index: number): Promise<Interruption>;
  /** SIGCONT. */
  resume(index: number): void;
  /** Notes what a service has in flight, whose results will come to nothing. */
  cutOff(index: number): Promise<Interruption>;
  /** Waits until all services that run have said this on stderr. */
  said(text: string): Promise<void>;
  readonly interruptions: readonly Interruption[];
}

interface Setup {
  readonly onlooker: Onlooker;
  readonly folder: string;
  readonly count: number;
  readonly env: Environment;
  /** The log goes to files in the folder, and not to us. */
  readonly logInFolder?: boolean;
}

/** What did not get to say its name; on SQLite nobody asks for it. */
const NAMELESS = '';

/** None of them is started yet. */
export function createReplicas(setup: Setup): Replicas {
  const { onlooker, folder, count, env } = setup;
  let starts = 0;
  const services: (Service | undefined)[] = Array.from({ length: count }, () => undefined);
  const interruptions: Interruption[] = [];
  const nameOf = (index: number) => `replica-${index}`;

  function running(index: number): Service {
    const service = services[index];
    if (service === undefined) throw new Error(`${nameOf(index)} is not running`);
    return service;
  }

  function placeOf(index: number, more: Environment = {}) {
    starts += 1;
    return {
      dir: folder,
      ...(setup.logInFolder === true ? { stdoutTo: join(folder, `log-${starts}`) } : {}),
      env: { ...env, ...more, DATABASE_URL: onlooker.urlFor(nameOf(index)) },
    };
  }

  async function interrupted(replica: string): Promise<Interruption> {
    // What it had sent is in the buffers of the system, and read within a turn or two of our event loop.
    await settle();
    const interruption = {
      settledAt: performance.now(),
      owner: replica,
      leased: await onlooker.leasedBy(replica),
    };
    interruptions.push(interruption);
    return interruption;
  }

  return {
    count,
    urls: () => services.flatMap((service) => (service === undefined ? [] : [service.url])),
    service: (index) => services[index],
    start: async (index, more = {}) => {
      services[index] = await startService(placeOf(index, more));
    },
    kill: async (index) => {
      const service = running(index);
      services[index] = undefined;
      await service.end('SIGKILL');
      await onlooker.settled(nameOf(index));
      return interrupted(service.replica);
    },
    startAndKill: async (index, afterMs) => {
      const starting = spawnService(placeOf(index));
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await starting.end('SIGKILL');
      await onlooker.settled(nameOf(index));
      return interrupted(NAMELESS);
    },
    end: async (index) => {
      const service = running(index);
      services[index] = undefined;
      return service.end('SIGTERM');
    },
    stop: async (index) => {
      const service = running(index);
      process.kill(service.pid, 'SIGSTOP');
      return interrupted(service.replica);
    },
    cutOff: (index) => interrupted(running(index).replica),
    resume: (index) => void process.kill(running(index).pid, 'SIGCONT'),
    said: (text) =>
      eventually(
        () => services.every((service) => service?.stderr().includes(text) !== false),
        `all services say: ${text}`,
      ),
    interruptions,
  };
}
