// The shapes of contract sections 2 and 4 as an agent author or orchestrator sees them. Answers may carry more
// than is listed here: what the service adds later arrives untouched.

/** The body of `POST` and `PUT /v1/agents/register`. */
export interface AgentRegistration {
  /** Unique among registered agents. */
  readonly agentName: string;
  readonly version: string;
  /** The http(s) URL that tasks are posted to. */
  readonly contactEndpoint: string;
  readonly capabilities?: readonly string[] | undefined;
  /** Any JSON object; comes back whole. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** The agent promises a heartbeat within each such period (1 to 86,400). Absent or null: it never expires. */
  readonly leaseSeconds?: number | null | undefined;
}

/** The body of `PATCH /v1/agents/{agent_id}`: what is absent stays; null empties. */
export interface AgentPatch {
  readonly version?: string | undefined;
  readonly contactEndpoint?: string | undefined;
  readonly capabilities?: readonly string[] | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
}

/** What a registration answers: the agent, and what it proves itself and verifies with. */
export interface RegisteredAgent extends Partial<AgentRecord> {
  readonly agentId: string;
  /** `whsec_…`: every dispatch to this agent is signed with it. */
  readonly signingSecret?: string;
  /** May update, deregister and heartbeat this agent, rotate its secret and read its tasks; nothing else. */
  readonly agentToken?: string;
}

/** How a secret or key is replaced. What is left out, the service decides (24 h of overlap). */
export interface OverlapOptions {
  /** For how long the old one counts beside the new one. 0: not at all. */
  readonly overlapSeconds?: number | undefined;
}

export interface SecretRotation extends OverlapOptions {
  /**
   * From when on the hex header is made with the new secret; until then with the old one. The Standard Webhooks
   * header carries both signatures for the whole overlap.
   */
  readonly hexAfterSeconds?: number | undefined;
}

/** What the rotation of an agent's signing secret answers. */
export interface RotatedSecret {
  readonly agentId: string;
  /** The new one. */
  readonly signingSecret: string;
  /** ISO 8601, UTC: the end of the overlap. */
  readonly previousUntil: string;
}

/** `dispatch` is for Ops-Core, `register` for agents; `admin` may do everything. */
export type ApiKeyScope = 'admin' | 'dispatch' | 'register' | 'read';

/** An API key as the service lists it: never the key itself. */
export interface ApiKeyRecord {
  readonly name: string;
  readonly scope: ApiKeyScope;
  /** The first characters, to tell keys apart by. */
  readonly prefix: string;
  /** `environment`: one of AGENTKIT_API_KEYS, which is changed there. */
  readonly source: 'environment' | 'store' | (string & {});
  /** ISO 8601, UTC. Null: not known. */
  readonly createdAt: string | null;
  /** ISO 8601, UTC: until then the key that this one replaced works as well. */
  readonly previousUntil: string | null;
  readonly [key: string]: unknown;
}

/** The only answer that shows the key. */
export interface NewApiKey extends ApiKeyRecord {
  readonly key: string;
}

/** Whose credential it is. */
export interface WhoAmI {
  /** `anonymous`: no key exists, and everybody may do everything. */
  readonly kind: 'anonymous' | 'key' | 'agent' | (string & {});
  /** Of the key. */
  readonly name: string | null;
  readonly scope: ApiKeyScope | null;
  /** Whose token it is. */
  readonly agentId: string | null;
}

/**
 * - `online`: heard of within its lease, or without a lease
 * - `unreachable`: dispatches fail; its tasks wait, and one is tried now and then
 * - `offline`: its lease was missed; its tasks wait, and after AGENT_EXPIRY it is deregistered
 * - `deregistering`: it is leaving
 */
export type AgentStatus = 'online' | 'unreachable' | 'offline' | 'deregistering' | (string & {});

/** An agent as the service lists it. */
export interface AgentRecord {
  readonly agentId: string;
  readonly agentName: string;
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly contactEndpoint: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** ISO 8601, UTC. */
  readonly registrationTime: string;
  /** ISO 8601, UTC: when something about it last changed; heartbeats do not count. */
  readonly updatedAt: string;
  /** ISO 8601, UTC: its last registration or heartbeat. */
  readonly lastSeenAt: string;
  readonly status: AgentStatus;
  /** ISO 8601, UTC: since then an operator holds its tasks back. Null: not paused. */
  readonly pausedAt: string | null;
  /** Null: it never expires. */
  readonly leaseSeconds: number | null;
  /** ISO 8601, UTC: not heard of until then, it is `offline`. */
  readonly leaseExpiresAt: string | null;
  /** Changes with the agent, not with its heartbeats. For `ifMatch` of `patchAgent`. */
  readonly revision: number;
}

export interface AgentPage {
  readonly notModified: false;
  readonly agents: AgentRecord[];
  /** Null at the end. */
  readonly nextCursor: string | null;
  /** For `listChanges`: what happens to agents after this list. */
  readonly changesCursor: string | undefined;
  /** For `ifNoneMatch`. */
  readonly etag: string | undefined;
}

/** Nothing about any agent changed since the ETag. */
export interface NotModified {
  readonly notModified: true;
  readonly etag: string | undefined;
}

export type AgentEventType = 'registered' | 'updated' | 'status' | 'deregistered' | (string & {});

/** What happened to an agent. */
export interface AgentEvent {
  readonly seq: number;
  readonly type: AgentEventType;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly agentId: string;
  /** As it was after the event; null once deregistered. */
  readonly agent: AgentRecord | null;
}

export interface PageFilter {
  /** 1,000 at most, which is the service's default too. */
  readonly limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface AgentFilter extends PageFilter {
  /** Several: the agent has all of them. */
  readonly capability?: string | readonly string[] | undefined;
  /** What the name starts with. */
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly status?: AgentStatus | undefined;
  /** The metadata has this key at the top level. */
  readonly metadataKey?: string | undefined;
}

/** The task shape of `/run`. Unknown keys reach the agent too. */
export interface TaskRequest {
  readonly task_name: string;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly opscore_session_id?: string | undefined;
  readonly opscore_task_id?: string | undefined;
  readonly [key: string]: unknown;
}

/** The message shape of `/run`. Unknown keys reach the agent too. */
export interface MessageRequest {
  readonly senderId: string;
  readonly messageType: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly sessionContext?: Readonly<Record<string, unknown>> | undefined;
  readonly [key: string]: unknown;
}

/** What `/run` answers: the task is on disk. */
export interface TaskReceipt {
  readonly agentId: string;
  readonly taskId: string;
  readonly dispatch_status: string;
}

/** `dead`: a dead letter, given up after its last attempt. All but `scheduled` are final. */
export type TaskState = 'scheduled' | 'delivered' | 'dead' | 'cancelled' | (string & {});

/** A task as it is listed. */
export interface TaskSummary {
  readonly taskId: string;
  readonly agentId: string;
  /** The `task_name`, or the `messageType` of a message without one. */
  readonly name: string;
  readonly state: TaskState;
  readonly attemptCount: number;
  /** ISO 8601, UTC. Null once ended, and while an attempt is under way. */
  readonly nextAttemptAt: string | null;
  /** `http_503`, `unreachable`, `agent_deregistered`, ... Null after a delivery. */
  readonly lastError: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly [key: string]: unknown;
}

/** A task with its attempts. */
export interface TaskRecord extends TaskSummary {
  readonly attempts: readonly TaskAttempt[];
}

export interface TaskAttempt {
  readonly number: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Null for an agent, where there was no answer. */
  readonly durationMs: number | null;
  /** `delivered`, `retry` (another follows) or `failed`. */
  readonly outcome: string;
  /** Null: no answer. */
  readonly statusCode: number | null;
  readonly errorClass: string | null;
  /** The first 4 KiB of the answer. */
  readonly responseExcerpt: string | null;
}

export interface TaskFilter extends PageFilter {
  readonly state?: TaskState | undefined;
}

/** `GET /health`. */
export interface Health {
  /** `ok`, or `degraded` while Ops-Core takes nothing. `unavailable` comes with a 503, as a rejection. */
  readonly status: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly checks: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}
