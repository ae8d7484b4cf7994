import type { Count, ServiceOverview } from '../../sdk/overview-types.ts';
import { errorOf } from '../delivery-text.ts';
import { ageOf, span } from '../moments.ts';
import { fields, headedTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { worstOf, type StatusReport } from './report.ts';
import { whyOf } from './why.ts';

/** The report for people: what is wrong stands last. */
export function statusText(
  { url, health, overview }: StatusReport,
  terminal: Terminal,
  now: number,
): string {
  const { failing, replays } = overview;
  const parts = [
    fields({
      service: `${health.status}, version ${health.version}, up ${span(health.uptimeSeconds * 1_000)}, ${url}`,
      replicas: overview.replicas > 1 ? overview.replicas : undefined,
      agents: agentsText(overview),
      'last minutes': ratesText(overview.rates),
      waiting: waitingText(overview, now),
      replays:
        replays.length === 0
          ? undefined
          : replays
              .map((one) => `${one.replayId}: ${one.replayed + one.skipped} of ${one.total}`)
              .join('; '),
    }),
  ];
  if (failing.length === 0) return [...parts, 'Nothing fails.'].join('\n\n');
  parts.push(
    headedTable(
      [
        ['fails', 'state', 'error', 'count', 'oldest', 'why'],
        ...failing.map((one) => [
          one.kind,
          one.state,
          errorOf(one),
          countText(one),
          ageOf(one.oldestAt, now),
          whyOf(one),
        ]),
      ],
      terminal,
    ),
  );
  return parts.join('\n\n');
}

/** Counting ends somewhere. */
function countText({ count, more }: Count): string {
  return more ? `${count}+` : String(count);
}

function agentsText({ agents, paused }: ServiceOverview): string {
  const parts = Object.entries(agents)
    .concat([['paused', paused]])
    .filter(([, { count }]) => count > 0)
    .map(([status, count]) => `${countText(count)} ${status}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function ratesText({ stepSeconds, ...counts }: ServiceOverview['rates']): string {
  const sum = (steps: readonly number[]) => steps.reduce((a, b) => a + b, 0);
  const { accepted, delivered, failed } = counts;
  const minutes = Math.round((accepted.length * stepSeconds) / 60);
  return `${sum(accepted)} accepted, ${sum(delivered)} delivered, ${sum(failed)} attempts failed (${minutes} minutes)`;
}

function waitingText({ kinds }: ServiceOverview, now: number): string {
  const parts = kinds.flatMap(({ kind, pending, oldestPendingAt }) => {
    if (pending.count === 0) return [];
    const age = oldestPendingAt === null ? '' : `, the oldest for ${ageOf(oldestPendingAt, now)}`;
    return [`${countText(pending)} ${kind}${age}`];
  });
  return parts.length === 0 ? 'nothing' : parts.join('; ');
}

/** What to type next, one command with its reason on a line. */
export function nextSteps({ overview: { failing }, example }: StatusReport): string[] {
  const worst = worstOf(failing);
  if (worst === undefined) return [];
  const opscore = failing.some(({ kind }) => kind !== 'task');
  const kinds = new Set(failing.map(({ kind }) => kind));
  const only = kinds.size === 1 ? ` --kind ${worst.kind}` : '';
  return [
    ...(opscore ? ['what is wrong with the way to Ops-Core:  agentkit doctor'] : []),
    ...(example === null
      ? []
      : [`the answers that came:                   agentkit deliveries show ${example}`]),
    `after the mend, everything again:        agentkit deliveries replay${only}`,
  ];
}
