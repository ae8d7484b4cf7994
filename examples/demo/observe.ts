import type { Child } from './child.ts';
import { confirm, type Story } from './story.ts';

/** A lifecycle webhook that Ops-Core has verified; one that it does not verify it refuses, and the story ends. */
export async function webhook(
  story: Story,
  opscore: Child,
  eventType: 'REGISTER' | 'DEREGISTER',
  agentId: string,
): Promise<void> {
  const taken = opscore
    .next('webhook taken')
    .then((line) => confirm(line, { status: 202, event_type: eventType, agentId }));
  await story.step(
    'service → Ops-Core',
    `${eventType} webhook`,
    taken,
    ({ signature, webhookId }) =>
      `${eventType} 202: signature ${text(signature)}… verified, id ${text(webhookId)}`,
  );
}

/** The next state report that Ops-Core takes, which has to be this one. */
export async function state(
  story: Story,
  opscore: Child,
  agentId: string,
  wanted: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const taken = opscore.next('state taken').then((line) => {
    confirm(line, { status: 202, agentId, state: wanted });
    confirm(line['details'] as Record<string, unknown>, details);
  });
  const outcome = details['result'] ?? details['message'];
  await story.step(
    'agent → Ops-Core',
    `state ${wanted}`,
    taken,
    () => `state ${wanted} 202${outcome === undefined ? '' : `: ${text(outcome)}`}`,
  );
}

/** SIGTERM, and exit code 0. */
export async function ended(story: Story, name: string, child: Child): Promise<void> {
  const status = child.end('SIGTERM').then((code) => confirm({ code }, { code: 0 }));
  await story.step(name, 'ends', status, () => 'SIGTERM: ended with 0');
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
