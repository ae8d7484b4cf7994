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
}

/** What a registration answers. */
export interface RegisteredAgent {
  readonly agentId: string;
  /** `whsec_…`: every dispatch to this agent is signed with it. */
  readonly signingSecret?: string;
  /** May update, deregister and heartbeat this agent, where the service issues such tokens. */
  readonly agentToken?: string;
}

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
  readonly status: string;
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
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly status?: string | undefined;
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

/** A task as the service tells of it: its state, its attempts, its next attempt. */
export interface TaskRecord {
  readonly taskId: string;
  readonly agentId: string;
  readonly state: string;
  readonly [key: string]: unknown;
}

/** `GET /health`. */
export interface Health {
  readonly status: string;
  readonly [key: string]: unknown;
}
