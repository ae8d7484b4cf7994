import type { DeliveryRecord, DeliverySummary } from '../sdk/delivery-types.ts';
import { ageOf } from './moments.ts';
import { plain } from './plain.ts';
import { fields, headedTable, table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** What a list shows of a delivery; those of a task's own routes have neither kind nor errorClass. */
type Listed = Omit<DeliverySummary, 'kind' | 'errorClass'> & Partial<DeliverySummary>;

export function tableOfDeliveries(
  deliveries: readonly Listed[],
  terminal: Terminal,
  now: number,
): string {
  const hasKinds = deliveries.some(({ kind }) => kind !== undefined);
  return headedTable(
    [
      ['id', ...(hasKinds ? ['kind'] : []), 'name', 'state', 'error', 'attempts', 'age', 'agent'],
      ...deliveries.map((delivery) => [
        delivery.deliveryId,
        ...(hasKinds ? [delivery.kind ?? null] : []),
        delivery.name,
        delivery.state,
        errorOf(delivery),
        delivery.attemptCount,
        ageOf(delivery.createdAt, now),
        delivery.agentId,
      ]),
    ],
    terminal,
  );
}

/** `http_503`, or how it got no answer: `timeout`, `connection_refused`. */
export function errorOf({ lastError, errorClass }: Partial<DeliverySummary>): string | null {
  return lastError === 'unreachable' ? (errorClass ?? lastError) : (lastError ?? null);
}

type Shown = Omit<Listed, 'attempts'> & {
  readonly attempts: readonly (Omit<
    DeliveryRecord['attempts'][number],
    'phases' | 'requestHeaders' | 'durationMs'
  > & {
    readonly durationMs: number | null;
    readonly phases?: DeliveryRecord['attempts'][number]['phases'];
  })[];
  readonly waitsFor?: string | null;
  readonly behind?: string | null;
};

/** One delivery: its fields, its attempts, and what the last receiver answered. */
export function sheetOfDelivery(delivery: Shown): string {
  const { attempts } = delivery;
  const excerpt = attempts.at(-1)?.responseExcerpt ?? '';
  const parts = [
    fields({
      id: delivery.deliveryId,
      kind: delivery.kind,
      name: delivery.name,
      agent: delivery.agentId,
      state: delivery.state,
      error: errorOf(delivery),
      'waits for': delivery.waitsFor,
      behind: delivery.behind ?? undefined,
      'next attempt': delivery.nextAttemptAt,
      accepted: delivery.createdAt,
      ended: delivery.finishedAt,
    }),
  ];
  if (attempts.length > 0) {
    parts.push(
      table([
        ['attempt', 'at', 'outcome', 'answer', 'ms', 'connect', 'wait', 'body'],
        ...attempts.map(({ number, startedAt, outcome, statusCode, ...attempt }) => [
          number,
          startedAt,
          outcome,
          statusCode ?? attempt.errorClass,
          attempt.durationMs,
          attempt.phases?.connectMs ?? null,
          attempt.phases?.waitMs ?? null,
          attempt.phases?.bodyMs ?? null,
        ]),
      ]),
    );
  }
  if (excerpt !== '') parts.push(`the last answer: ${plain(excerpt)}`);
  return parts.join('\n\n');
}
