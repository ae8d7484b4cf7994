import { mayManage, type Principal } from '../auth/principal.ts';
import { newToken, tokenHash } from '../auth/token.ts';
import type { Clock } from '../clock.ts';
import { ApiError, invalid } from '../errors.ts';
import { newId } from '../ids.ts';
import type {
  Agent,
  AgentChange,
  AgentEvent,
  AgentFilter,
  AgentToken,
  Page,
  Store,
} from '../store/store.ts';
import { webhookDelivery } from '../webhook/event.ts';
import { newSigningSecret } from '../webhook/sign.ts';
import { registrationFaults, sameRegistration } from './rules.ts';

export interface Registration {
  readonly agentName: string;
  readonly version: string;
  readonly contactEndpoint: string;
  readonly capabilities?: readonly string[] | null;
  readonly metadata?: Readonly<Record<string, unknown>> | null;
  readonly leaseSeconds?: number | null;
}

/** What `PATCH` may change; what is absent stays. */
export type RegistrationPatch = Partial<Omit<Registration, 'agentName'>>;

/** What an agent says of itself. */
type Described = Pick<
  Agent,
  'version' | 'contactEndpoint' | 'capabilities' | 'metadata' | 'leaseSeconds'
>;

export interface Registered {
  readonly agent: Agent;
  /** Shown only here; undefined when the agent keeps the one it came with. */
  readonly agentToken: string | undefined;
  readonly created: boolean;
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  /** Whether lifecycle webhooks are configured. */
  readonly webhooks: boolean;
  /** Whether an endpoint is a place where agents may not live. */
  isUrlBlocked(url: URL): boolean;
  /** How long a replaced secret or token stays valid unless said otherwise, in milliseconds. */
  readonly secretOverlap: number;
  /** An agent appeared, moved or came back: there may be something to send, or another lease to watch. */
  onChange(agent: Agent): void;
  /** An agent registered again, or whatever held its tasks back is over. */
  onReturn(agentId: string): void;
}

export type Registry = ReturnType<typeof createRegistry>;

/** The agents: who is there, and telling Ops-Core of it. No HTTP, no SQL. */
export function createRegistry(deps: Deps) {
  const { store, clock } = deps;

  function registerWebhook(agent: Agent) {
    return deps.webhooks ? webhookDelivery('REGISTER', agent, clock.now()) : undefined;
  }

  /** @throws ApiError validation_failed. */
  function judge(fields: RegistrationPatch & { agentName?: string }): void {
    const faults = registrationFaults({ ...fields });
    const endpoint = fields.contactEndpoint;
    if (faults.length === 0 && endpoint !== undefined && deps.isUrlBlocked(new URL(endpoint))) {
      faults.push({ path: '/contactEndpoint', message: 'Agents may not live at this address' });
    }
    if (faults.length > 0) throw invalid(faults);
  }

  function newAgent(registration: Registration, principal: Principal): Agent {
    const now = clock.now();
    const leaseSeconds = registration.leaseSeconds ?? null;
    return {
      agentId: newId(),
      agentName: registration.agentName,
      version: registration.version,
      contactEndpoint: registration.contactEndpoint,
      capabilities: registration.capabilities ?? [],
      metadata: registration.metadata ?? {},
      signingSecret: newSigningSecret(),
      previousSecret: null,
      owner: principal.kind === 'key' ? principal.name : null,
      status: 'online',
      registeredAt: now,
      updatedAt: now,
      lastSeenAt: now,
      leaseSeconds,
      leaseExpiresAt: leaseSeconds === null ? null : now + leaseSeconds * 1000,
      offlineAt: null,
      unreachableAt: null,
      pausedAt: null,
      revision: 0,
    };
  }

  /** A token for an agent; one that it replaces stays valid for the overlap. */
  function newAgentToken(): { token: string; stored: AgentToken } {
    const token = newToken('agt');
    const previousUntil = clock.now() + deps.secretOverlap;
    return { token, stored: { hash: tokenHash(token), previousUntil } };
  }

  function inserted(agent: Agent, token: AgentToken): AgentChange {
    return {
      result: undefined,
      write: agent,
      token,
      event: 'registered',
      webhook: registerWebhook(agent),
    };
  }

  /** @throws ApiError validation_failed, agent_name_taken. */
  async function register(registration: Registration, principal: Principal): Promise<Registered> {
    judge(registration);
    const fresh = newAgent(registration, principal);
    const { token, stored } = newAgentToken();
    const { agent } = await store.agents.change({ agentName: registration.agentName }, (taken) => {
      if (taken !== undefined) throw nameTaken(registration.agentName);
      return inserted(fresh, stored);
    });
    return registered(agent, token, true);
  }

  function registered(
    agent: Agent | undefined,
    agentToken: string | undefined,
    created: boolean,
  ): Registered {
    const there = found(agent);
    deps.onChange(there);
    return { agent: there, agentToken, created };
  }

  /**
   * Registers, or brings the agent of that name up to date; it keeps its id and its secret, and is online again.
   * REGISTER goes out only if something changed. Whoever comes with a key gets a new token, since a restarted agent
   * has lost its own; who comes with the token keeps it.
   * @throws ApiError validation_failed, forbidden, agent_name_taken (it is just being deregistered).
   */
  async function upsert(registration: Registration, principal: Principal): Promise<Registered> {
    judge(registration);
    const fresh = newAgent(registration, principal);
    const token = principal.kind === 'agent' ? undefined : newAgentToken();
    const { agent, result: created } = await store.agents.change(
      { agentName: registration.agentName },
      (before) => {
        if (before === undefined) {
          if (token === undefined) throw new ApiError('forbidden');
          return { ...inserted(fresh, token.stored), result: true };
        }
        if (!mayManage(principal, before)) throw new ApiError('forbidden');
        if (before.status === 'deregistering') throw nameTaken(registration.agentName);
        const { version, contactEndpoint, capabilities, metadata, leaseSeconds } = fresh;
        return {
          ...heardOf(before, { version, contactEndpoint, capabilities, metadata, leaseSeconds }),
          ...(token === undefined ? {} : { token: token.stored }),
          result: false,
        };
      },
    );
    const there = registered(agent, token?.token, created);
    if (!created) deps.onReturn(there.agent.agentId);
    return there;
  }

  /**
   * Changes what is given of an agent.
   * @param ifMatch the revision that the caller knows; undefined = whichever.
   * @throws ApiError validation_failed, agent_not_found, forbidden, revision_mismatch.
   */
  async function patch(
    agentId: string,
    fields: RegistrationPatch,
    ifMatch: number | undefined,
    principal: Principal,
  ): Promise<Agent> {
    judge(fields);
    const { agent, result: returned } = await store.agents.change({ agentId }, (stored) => {
      const before = managed(stored, principal);
      if (before.status === 'deregistering') throw new ApiError('agent_not_found');
      if (ifMatch !== undefined && ifMatch !== before.revision) {
        throw new ApiError('revision_mismatch');
      }
      const after: Described = {
        version: fields.version ?? before.version,
        contactEndpoint: fields.contactEndpoint ?? before.contactEndpoint,
        capabilities: given(fields.capabilities, [], before.capabilities),
        metadata: given(fields.metadata, {}, before.metadata),
        leaseSeconds: given(fields.leaseSeconds, null, before.leaseSeconds),
      };
      // An operator who corrects a field has not heard of the agent.
      const change = principal.kind === 'agent' ? heardOf(before, after) : described(before, after);
      return { ...change, result: change.holdUntil === 0 };
    });
    const there = registered(agent, undefined, false).agent;
    if (returned) deps.onReturn(agentId);
    return there;
  }

  /** An agent that was heard of, with what is now said of it: online, a new lease, its tasks due. */
  function heardOf(before: Agent, fields: Described): AgentChange {
    const now = clock.now();
    const registration = !sameRegistration(before, { ...before, ...fields });
    const changed = registration || fields.leaseSeconds !== before.leaseSeconds;
    const returned = before.status !== 'online';
    const after: Agent = {
      ...before,
      ...fields,
      status: 'online',
      updatedAt: changed || returned ? now : before.updatedAt,
      lastSeenAt: now,
      leaseExpiresAt: fields.leaseSeconds === null ? null : now + fields.leaseSeconds * 1000,
      offlineAt: null,
      unreachableAt: null,
    };
    return {
      result: undefined,
      write: after,
      ...(changed ? { event: 'updated' } : returned ? { event: 'status' } : {}),
      webhook: registration ? registerWebhook(after) : undefined,
      // Whatever held its tasks back is of the past: it is there, perhaps at another address.
      ...(changed || returned ? { holdUntil: 0 } : {}),
    };
  }

  /**
   * An agent of which somebody else says something: whether it is alive is another question. Where it was unreachable,
   * a new address is to be tried; where it was offline, it is not any more once it has no lease to miss.
   */
  function described(before: Agent, fields: Described): AgentChange {
    const now = clock.now();
    const changed = !sameRegistration(before, { ...before, ...fields });
    const newLease = fields.leaseSeconds !== before.leaseSeconds;
    if (!changed && !newLease) return { result: undefined };
    const newExpiry = fields.leaseSeconds === null ? null : now + fields.leaseSeconds * 1000;
    const moved = fields.contactEndpoint !== before.contactEndpoint;
    const tryAgain =
      (before.status === 'unreachable' && moved) ||
      (before.status === 'offline' && fields.leaseSeconds === null);
    const after: Agent = {
      ...before,
      ...fields,
      ...(tryAgain ? { status: 'online', offlineAt: null, unreachableAt: null } : {}),
      updatedAt: now,
      leaseExpiresAt: newLease ? newExpiry : before.leaseExpiresAt,
    };
    return {
      result: undefined,
      write: after,
      event: 'updated',
      webhook: changed ? registerWebhook(after) : undefined,
      ...(tryAgain ? { holdUntil: 0 } : {}),
    };
  }

  /** @throws ApiError agent_not_found. */
  async function get(agentId: string): Promise<Agent> {
    return found(await store.agents.get(agentId));
  }

  function list(
    filter: AgentFilter,
    page: { limit: number; after: string | null },
  ): Promise<Page<Agent>> {
    return store.agents.list(filter, page);
  }

  /** @throws ApiError events_expired. */
  async function events(since: number, limit: number): Promise<readonly AgentEvent[]> {
    const listed = await store.agents.listEvents(since, limit);
    if (listed === 'expired') throw new ApiError('events_expired');
    return listed;
  }

  /** Renews an agent's lease; one that was offline is online again. @throws ApiError agent_not_found, forbidden. */
  async function heartbeat(agentId: string, principal: Principal): Promise<Agent> {
    managed(await store.agents.get(agentId), principal);
    const beaten = await store.agents.heartbeat(agentId, clock.now());
    if (beaten === 'not_found') throw new ApiError('agent_not_found');
    if (beaten !== 'offline') return beaten;
    const { agent } = await store.agents.change({ agentId }, (stored) => {
      const before = found(stored);
      return before.status === 'deregistering' ? { result: undefined } : heardOf(before, before);
    });
    deps.onReturn(agentId);
    return registered(agent, undefined, false).agent;
  }

  /** Replaces an agent's signing secret; both sign for `overlapMs`, the hex header changes after `hexAfterMs`. */
  async function rotateSecret(
    agentId: string,
    principal: Principal,
    { overlapMs = deps.secretOverlap, hexAfterMs = 0 }: { overlapMs?: number; hexAfterMs?: number },
  ): Promise<Agent> {
    const secret = newSigningSecret();
    const wall = clock.wall();
    const { agent } = await store.agents.change({ agentId }, (stored) => {
      const before = managed(stored, principal);
      const until = wall + overlapMs;
      const hexUntil = wall + Math.min(hexAfterMs, overlapMs);
      const after: Agent = {
        ...before,
        signingSecret: secret,
        previousSecret: { secret: before.signingSecret, until, hexUntil },
      };
      return { result: undefined, write: after };
    });
    return found(agent);
  }

  return {
    register,
    upsert,
    patch,
    get,
    list,
    events,
    lastEvent: () => store.agents.lastEvent(),
    heartbeat,
    rotateSecret,
  };
}

/** @throws ApiError agent_not_found, forbidden. */
export function managed(agent: Agent | undefined, principal: Principal): Agent {
  const there = found(agent);
  if (!mayManage(principal, there)) throw new ApiError('forbidden');
  return there;
}

/** Absent keeps what was, null sets what stands for nothing. */
function given<T, N>(value: T | null | undefined, nothing: N, before: T | N): T | N {
  return value === undefined ? before : (value ?? nothing);
}

function nameTaken(agentName: string): ApiError {
  return new ApiError('agent_name_taken', {
    message: `An agent named ${JSON.stringify(agentName)} is registered already. Take another name, or deregister it first.`,
  });
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new ApiError('agent_not_found');
  return value;
}
