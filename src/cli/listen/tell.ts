import { isObject } from '../../sdk/wire.ts';
import { plain } from '../plain.ts';
import type { Terminal } from '../terminal.ts';
import type { Arrival } from './receiver.ts';

/** What the demo agent was given. */
export interface TaskArrival {
  readonly type: 'task';
  readonly agentName: string;
  readonly taskId: string;
  readonly taskName: string;
  readonly attempt: number;
  readonly parameters: unknown;
}

export type Told = Arrival | TaskArrival;

/** The first report of an agent often comes milliseconds before its REGISTER, which tells its name. */
const EARLY_MS = 300;

/** Prints what came: a line for people, a JSON document on a line for programs. */
export function createTeller(terminal: Terminal, json: true | undefined, now: () => number) {
  const names = new Map<string, string>();
  const early = new Map<string, () => void>();

  function print(told: Told, at: string): void {
    const [what, name, rest] = lineOf(told, names);
    const columns = [at.slice(11, 19), told.type.padEnd(7), what.padEnd(10), name, rest];
    terminal.print(
      columns
        .filter((column) => column !== '')
        .map(plain)
        .join('  '),
    );
    if (told.type === 'webhook') early.get(agentIdOf(told.body))?.();
  }

  return (told: Told): void => {
    const at = new Date(now()).toISOString();
    if (json === true) {
      terminal.print(JSON.stringify({ at, ...told }));
      return;
    }
    const isEarly = told.type === 'state' && !names.has(told.agentId) && !early.has(told.agentId);
    if (!isEarly) {
      print(told, at);
      return;
    }
    const tell = (): void => {
      clearTimeout(timer);
      early.delete(told.agentId);
      print(told, at);
    };
    const timer = setTimeout(tell, EARLY_MS);
    early.set(told.agentId, tell);
  };
}

function agentIdOf({ agent_details: details }: Readonly<Record<string, unknown>>): string {
  return isObject(details) ? String(details['agentId']) : '';
}

function lineOf(
  told: Told,
  names: Map<string, string>,
): [what: string, name: string, rest: string] {
  switch (told.type) {
    case 'webhook': {
      const { body, status, forwardedTo } = told;
      const answer = forwardedTo === undefined ? 'verified' : `verified, ${forwardedTo}: ${status}`;
      if (body['ping'] === true) return ['ping', '', answer];
      const details = isObject(body['agent_details']) ? body['agent_details'] : {};
      const name = String(details['agentName']);
      names.set(agentIdOf(body), name);
      return [String(body['event_type']), name, answer];
    }
    case 'state': {
      const { agentId, body } = told;
      const details = isObject(body['details']) ? body['details'] : {};
      const said = Object.keys(details).length === 0 ? '' : JSON.stringify(details);
      return [String(body['state']), names.get(agentId) ?? agentId, said];
    }
    case 'task':
      return [told.taskName, told.agentName, JSON.stringify(told.parameters)];
    case 'refused':
      return [String(told.status), told.path, told.why];
  }
}
