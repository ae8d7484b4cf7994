import { Type } from '@sinclair/typebox';
import { STEP_SECONDS } from '../overview/rates.ts';
import { DeliveryKindSchema, ReplayView } from './delivery-schemas.ts';
import { DeliveryStateSchema, nullable } from './schemas.ts';

const Counted = Type.Object(
  {
    count: Type.Integer(),
    more: Type.Boolean({ description: 'true: there are at least so many.' }),
  },
  { title: 'Count' },
);

const Steps = (description: string) => Type.Array(Type.Integer(), { description });

const RatesView = Type.Object(
  {
    stepSeconds: Type.Integer({ description: `How long a step is: ${STEP_SECONDS}.` }),
    accepted: Steps('Deliveries accepted in each step.'),
    delivered: Steps('Attempts that delivered.'),
    failed: Steps('Attempts that did not.'),
  },
  {
    title: 'Rates',
    description:
      'Of the process that answers, the oldest step first; the last one has not ended yet.',
  },
);

export const OverviewView = Type.Object(
  {
    at: Type.String({ description: 'ISO 8601, UTC.' }),
    version: Type.String(),
    replicas: Type.Integer({ description: 'How many run on this database.' }),
    targets: Type.Object(
      { webhooks: Type.Boolean(), stateReports: Type.Boolean() },
      { description: 'What of Ops-Core is configured.' },
    ),
    rates: RatesView,
    kinds: Type.Array(
      Type.Object({
        kind: DeliveryKindSchema,
        pending: Counted,
        dead: Counted,
        oldestPendingAt: nullable(
          Type.String({ description: 'When the oldest that is pending was accepted.' }),
        ),
      }),
    ),
    failing: Type.Array(
      Type.Object({
        kind: DeliveryKindSchema,
        state: DeliveryStateSchema,
        errorClass: Type.String(),
        lastError: nullable(Type.String()),
        count: Type.Integer(),
        more: Type.Boolean({ description: 'true: there are at least so many.' }),
        oldestAt: Type.String({ description: 'When the oldest of them was accepted.' }),
      }),
      { description: 'What failed at its last attempt and was not delivered since.' },
    ),
    agents: Type.Object({
      online: Counted,
      unreachable: Counted,
      offline: Counted,
      deregistering: Counted,
    }),
    paused: Counted,
    replays: Type.Array(ReplayView, { description: 'Those that run.' }),
  },
  { title: 'Overview' },
);
