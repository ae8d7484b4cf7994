import { Type } from '@sinclair/typebox';
import { AttemptView, DeliveryStateSchema, nullable } from './schemas.ts';

const Time = (description: string) => Type.String({ description: `${description} ISO 8601, UTC.` });

export const DeliveryKindSchema = Type.Union(
  [Type.Literal('webhook'), Type.Literal('task'), Type.Literal('state_report')],
  { description: 'webhook and state_report go to Ops-Core, task to an agent.' },
);

/** A moment as callers write it; its text is checked, its sense by `momentOf`. */
export const Moment = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[+-]\\d\\d:\\d\\d)$',
  description: 'a date and time such as 2026-11-23T02:00:00Z',
});

/** Of attempts, and of what waits or ended without one. */
export const ErrorClassSchema = Type.String({
  minLength: 1,
  maxLength: 100,
  description:
    'The errorClass of its last attempt, or agent_deregistered, agent_expired, not_configured.',
});

const deliveryProperties = {
  deliveryId: Type.String({ description: 'Of a task: its taskId. Of a webhook: its webhook-id.' }),
  kind: DeliveryKindSchema,
  agentId: Type.String(),
  name: Type.String({ description: "The task's name, the webhook's event, the reported state." }),
  state: DeliveryStateSchema,
  attemptCount: Type.Integer(),
  nextAttemptAt: nullable(Time('null once ended, and while an attempt is under way.')),
  lastError: nullable(Type.String()),
  errorClass: nullable(
    Type.String({ description: 'null before the first attempt, and once delivered.' }),
  ),
  createdAt: Time('When it was accepted.'),
  finishedAt: nullable(Time('When it ended.')),
};

export const DeliveryListItem = Type.Object(deliveryProperties, { title: 'DeliverySummary' });

export const PhasesView = Type.Object(
  {
    connectMs: nullable(
      Type.Integer({
        description: 'Until there was a connection: looked up, made, or free again.',
      }),
    ),
    waitMs: nullable(Type.Integer({ description: "From then to the answer's status." })),
    bodyMs: nullable(Type.Integer({ description: 'From then to its end.' })),
  },
  {
    title: 'Phases',
    description: 'Where the time went; null = it did not come so far, or it was not noted.',
  },
);

export const HeadersView = Type.Record(Type.String(), Type.String(), {
  description: 'The headers that were sent; signatures and tokens are [redacted].',
});

const DeliveryAttemptView = Type.Object(
  { ...AttemptView.properties, phases: PhasesView, requestHeaders: HeadersView },
  { title: 'DeliveryAttempt' },
);

export const DeliveryView = Type.Object(
  {
    ...deliveryProperties,
    bytes: Type.Integer({ description: 'Of its body.' }),
    waitsFor: nullable(
      Type.String({
        description:
          'agent_paused, agent_offline, agent_unreachable, earlier_delivery, configuration, next_attempt, turn or attempt; null once ended.',
      }),
    ),
    behind: nullable(
      Type.String({
        description: 'The deliveryId of the one that is sent before it in its order.',
      }),
    ),
    attempts: Type.Array(DeliveryAttemptView),
  },
  { title: 'Delivery' },
);

/** Which dead letters. What is not known is refused: a filter with a slip in it would take them all. */
export const ReplayFilterBody = Type.Object(
  {
    kind: Type.Optional(DeliveryKindSchema),
    state: Type.Optional(
      Type.Literal('dead', { description: 'What is replayed is dead letters.' }),
    ),
    agentId: Type.Optional(Type.String({ maxLength: 200 })),
    errorClass: Type.Optional(ErrorClassSchema),
    since: Type.Optional(Moment),
    until: Type.Optional(Moment),
  },
  { additionalProperties: false, title: 'ReplayFilter' },
);

export const ReplayView = Type.Object(
  {
    replayId: Type.String(),
    state: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('cancelled')], {
      description: 'running until every dead letter had its turn, or it was cancelled.',
    }),
    filter: Type.Object(
      {
        kind: Type.Optional(Type.String()),
        agentId: Type.Optional(Type.String()),
        errorClass: Type.Optional(Type.String()),
        since: Type.Optional(Type.String()),
        until: Type.Optional(Type.String()),
      },
      { description: 'As it was given.' },
    ),
    total: Type.Integer({ description: 'Dead letters that matched when it was made.' }),
    replayed: Type.Integer({ description: 'Of these, scheduled again so far.' }),
    skipped: Type.Integer({
      description: 'And left as they are: nobody would take them, or a later event was delivered.',
    }),
    createdAt: Time('What died later is no part of it.'),
    createdBy: nullable(Type.String({ description: 'The name of the key.' })),
    finishedAt: nullable(Time('When it was done or cancelled.')),
  },
  { title: 'Replay' },
);

export const PingView = Type.Object(
  {
    outcome: Type.Union(
      [
        Type.Literal('accepted'),
        Type.Literal('refused'),
        Type.Literal('unauthorized'),
        Type.Literal('wrong_url'),
        Type.Literal('failing'),
        Type.Literal('unreachable'),
      ],
      { description: 'accepted and refused are good: a strict receiver refuses what is no event.' },
    ),
    ok: Type.Boolean({ description: 'Whether webhooks would most likely arrive.' }),
    explanation: Type.String(),
    statusCode: nullable(Type.Integer()),
    errorClass: nullable(Type.String()),
    durationMs: Type.Integer(),
    phases: PhasesView,
    responseExcerpt: nullable(Type.String({ description: 'The first 4 KiB of the answer.' })),
    requestHeaders: HeadersView,
    clockSkewSeconds: nullable(
      Type.Integer({
        description: "How far the receiver's clock is ahead; null = it did not say.",
      }),
    ),
  },
  { title: 'Ping' },
);

export const DeliveryParams = Type.Object({ delivery_id: Type.String() });
export const ReplayParams = Type.Object({ replay_id: Type.String() });
