import { Type, type TSchema } from '@sinclair/typebox';
import { orNull } from '../validation.ts';

/** Text that is shown, logged and sent on: no control characters, so that none of these places can be forged. */
function text(maxLength: number, description: string) {
  return Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]+$',
    description: `${description} 1 to ${maxLength} characters, no control characters.`,
  });
}

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const AnyObject = Type.Record(Type.String(), Type.Unknown());

const Capabilities = Type.Array(text(200, 'A capability.'), { maxItems: 100 });

const described = {
  version: text(100, "The agent's version."),
  contactEndpoint: Type.String({
    minLength: 1,
    description: 'Where tasks are posted to: an http(s) URL without user, password and fragment.',
  }),
  capabilities: orNull(Capabilities),
  metadata: orNull(AnyObject),
  leaseSeconds: orNull(
    Type.Integer({
      minimum: 1,
      maximum: 86_400,
      description:
        'The agent promises a heartbeat within each such period; absent: it never expires.',
    }),
  ),
};

const examples = [
  {
    agentName: 'summarizer',
    version: '1.0.0',
    contactEndpoint: 'http://127.0.0.1:9000/tasks',
    capabilities: ['summarize'],
    metadata: { team: 'docs' },
  },
];

export const RegistrationBody = Type.Object(
  { agentName: text(200, 'Unique among registered agents.'), ...described },
  { title: 'Registration', description: 'Unknown fields are ignored.', examples },
);

/** An agent's name is what it is known by: it cannot be changed. */
export const PatchBody = Type.Object(
  {
    ...described,
    version: Type.Optional(described.version),
    contactEndpoint: Type.Optional(described.contactEndpoint),
  },
  { title: 'RegistrationPatch', description: 'What is absent stays.' },
);

export const AgentStatusSchema = Type.Union(
  [
    Type.Literal('online'),
    Type.Literal('unreachable'),
    Type.Literal('offline'),
    Type.Literal('deregistering'),
  ],
  {
    description:
      'unreachable: dispatches fail, the circuit breaker is open. offline: the lease was missed. In both its tasks wait.',
  },
);

const agentProperties = {
  agentId: Type.String(),
  agentName: Type.String(),
  version: Type.String(),
  capabilities: Type.Array(Type.String()),
  contactEndpoint: Type.String(),
  metadata: Type.Object({}, { additionalProperties: true }),
  registrationTime: Type.String({ description: 'ISO 8601, UTC.' }),
  updatedAt: Type.String({ description: 'ISO 8601, UTC.' }),
  lastSeenAt: Type.String({ description: 'ISO 8601, UTC.' }),
  status: AgentStatusSchema,
  pausedAt: nullable(
    Type.String({
      description: 'ISO 8601, UTC. Since when an operator holds its tasks back; null = not paused.',
    }),
  ),
  leaseSeconds: nullable(Type.Integer({ description: 'null = the agent never expires.' })),
  leaseExpiresAt: nullable(
    Type.String({ description: 'ISO 8601, UTC. Later than that without a heartbeat: offline.' }),
  ),
  revision: Type.Integer({
    description: 'Changes with the agent, not with its heartbeats; for If-Match.',
  }),
};

export const AgentView = Type.Object(agentProperties, { title: 'Agent' });

export const RegisteredView = Type.Object(
  {
    ...agentProperties,
    signingSecret: Type.String({ description: 'Every dispatch to this agent is signed with it.' }),
    agentToken: Type.Optional(
      Type.String({
        description:
          "The agent's own credential: it may register again, deregister, send heartbeats, replace its signing secret and read its tasks. Shown only here.",
      }),
    ),
  },
  { title: 'RegisteredAgent' },
);

export const AttemptView = Type.Object(
  {
    number: Type.Integer(),
    startedAt: Type.String({ description: 'ISO 8601, UTC.' }),
    durationMs: nullable(Type.Integer({ description: 'null where the caller may not know it.' })),
    outcome: Type.String({ description: 'delivered, retry (another attempt follows) or failed.' }),
    statusCode: nullable(Type.Integer()),
    errorClass: nullable(Type.String()),
    responseExcerpt: nullable(Type.String({ description: 'The first 4 KiB of the answer.' })),
  },
  { title: 'Attempt' },
);

export const DeliveryStateSchema = Type.Union(
  [
    Type.Literal('scheduled'),
    Type.Literal('delivered'),
    Type.Literal('dead'),
    Type.Literal('cancelled'),
  ],
  { description: 'scheduled until it ends as delivered, dead (a dead letter) or cancelled.' },
);

const taskProperties = {
  taskId: Type.String(),
  agentId: Type.String(),
  name: Type.String({ description: "The task's name, or the message's type." }),
  state: DeliveryStateSchema,
  attemptCount: Type.Integer(),
  nextAttemptAt: nullable(
    Type.String({
      description: 'ISO 8601, UTC. null once ended, and while an attempt is under way.',
    }),
  ),
  lastError: nullable(Type.String()),
  createdAt: Type.String({ description: 'ISO 8601, UTC.' }),
  finishedAt: nullable(Type.String({ description: 'ISO 8601, UTC.' })),
};

export const TaskListItem = Type.Object(taskProperties, { title: 'TaskSummary' });

export const TaskView = Type.Object(
  { ...taskProperties, attempts: Type.Array(AttemptView) },
  { title: 'Task' },
);

export const AgentParams = Type.Object({ agent_id: Type.String() });
export const TaskParams = Type.Object({ task_id: Type.String() });

/** The envelope of contract section 1 around `data`. */
export function success<T extends TSchema>(data: T) {
  return Type.Object({ status: Type.Literal('success'), message: Type.String(), data });
}

export function successPage<T extends TSchema>(item: T) {
  return Type.Object({
    status: Type.Literal('success'),
    message: Type.String(),
    data: Type.Array(item),
    next_cursor: nullable(
      Type.String({ description: 'Ask for the next page with it; null at the end.' }),
    ),
  });
}

export const ErrorEnvelope = Type.Object(
  {
    status: Type.Literal('error'),
    message: Type.String(),
    detail: Type.String({ description: 'The same as message.' }),
    error_code: Type.String({ description: 'Stable; see docs/errors.md.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }), {
        description: 'Where the request is invalid: JSON pointers.',
      }),
    ),
  },
  { title: 'Error' },
);

/** On any route: a body or its encoding that is not taken, a bug, a store or a service that is not there now. */
const ANYWHERE = [400, 413, 415, 500, 503];

/** The error answers of a route, by status: its own, and those that any route may give. */
export function errorResponses(
  ...statuses: readonly number[]
): Record<number, typeof ErrorEnvelope> {
  return Object.fromEntries([...ANYWHERE, ...statuses].map((status) => [status, ErrorEnvelope]));
}
