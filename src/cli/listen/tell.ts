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

/** Prints what came: a line for people, a JSON document on a line for programs. */
export function createTeller(terminal: Terminal, json: true | undefined, now: () => number) {
  const names = new Map<string, string>();
  return (told: Told): void => {
    const at = new Date(now()).toISOString();
    if (json === true) {
      terminal.print(JSON.stringify({ at, ...told }));
      return;
    }
    const [what, name, rest] = lineOf(told, names);
    const columns = [at.slice(11, 19), told.type.padEnd(7), what.padEnd(10), name, rest];
    terminal.print(
      columns
        .filter((column) => column !== '')
        .map(plain)
        .join('  '),
    );
  };
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
      names.set(String(details['agentId']), name);
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
