import { ageOf, span } from '../moments.ts';
import { fields, headedTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { Overview } from './overview.ts';
import { whyOf } from './why.ts';

/** The overview for people: what is wrong stands last, with the next command to type. */
export function overviewText(overview: Overview, terminal: Terminal, now: number): string {
  const { service, agents, waiting, faults, complete } = overview;
  const atLeast = complete ? '' : 'at least ';
  const parts = [
    fields({
      service: `${service.status}, version ${service.version}, up ${span(service.uptimeSeconds * 1_000)}, ${service.url}`,
      agents: agentsText(agents),
      waiting:
        waiting.length === 0
          ? 'nothing'
          : waiting
              .map(
                ({ kind, count, oldestAt }) =>
                  `${atLeast}${count} ${kind}, the oldest for ${atLeast}${ageOf(oldestAt, now)}`,
              )
              .join('; '),
    }),
  ];
  if (faults.length === 0) return [...parts, 'Nothing fails.'].join('\n\n');
  parts.push(
    headedTable(
      [
        ['fails', 'state', 'error', 'count', 'oldest', 'agents', 'why'],
        ...faults.map((fault) => [
          fault.kind,
          fault.state,
          fault.error,
          fault.count,
          ageOf(fault.oldestAt, now),
          fault.agents,
          whyOf(fault),
        ]),
      ],
      terminal,
    ),
  );
  if (!complete)
    parts.push('There is more than was looked at: counts and ages are at least so high.');
  return parts.join('\n\n');
}

function agentsText({ total, paused, byStatus }: Overview['agents']): string {
  const parts = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  if (paused > 0) parts.push(`${paused} paused`);
  return total === 0 ? 'none' : `${total}: ${parts.join(', ')}`;
}

/** What to type next, one command with its reason on a line. */
export function nextSteps({ faults }: Overview): string[] {
  const [worst] = faults;
  if (worst === undefined) return [];
  const opscore = faults.some(({ kind }) => kind !== 'task');
  const kinds = new Set(faults.map(({ kind }) => kind));
  const only = kinds.size === 1 ? ` --kind ${worst.kind}` : '';
  return [
    ...(opscore ? ['what is wrong with the way to Ops-Core:  agentkit doctor'] : []),
    `the answers that came:                   agentkit deliveries show ${worst.example}`,
    `after the mend, everything again:        agentkit deliveries replay${only}`,
  ];
}
