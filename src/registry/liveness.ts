import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.ts';
import { laneOf } from '../outbox/delivery.ts';
import type { Agent, Store } from '../store/store.ts';
import type { Deregistration } from './deregistration.ts';

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly deregistration: Pick<Deregistration, 'expire' | 'resume'>;
  readonly worker: { releaseLane(lane: string): Promise<void> };
  /** Told of each agent that went offline. */
  onOffline?(): void;
  /** How long an agent may be offline before it is deregistered, in milliseconds (AGENT_EXPIRY). */
  readonly agentExpiry: number;
}

/** The longest sleep between two sweeps; a lease that ends earlier wakes the sweep by its time. */
const SWEEP_MS = 1_000;

/**
 * When so much time passed since the last sweep the service was itself away (suspended, stalled, cut off from the
 * store), or the clock jumped: heartbeats could not be heard meanwhile, and nobody may be blamed for it.
 */
const AWAY_MS = 2 * SWEEP_MS;

const TICK_MS = 500;

const STEP = 500;

/** One replica sweeps, and another takes over when it was silent for so long: before that is an absence. */
const LEAD_MS = 3_000;

/** How often the one that sweeps looks after deregistrations whose replica is gone. */
const RESUME_MS = 30_000;

/** A hold without end: what ends it is a sign of life. */
const HELD = Number.MAX_SAFE_INTEGER;

/**
 * Watches the leases. Missed: the agent is offline and its tasks wait. Offline for too long: it is deregistered.
 * It never renews a lease, except that after an absence of its own every lease gets a full period's grace.
 */
export function createLiveness(deps: Deps) {
  const { store, clock, log, agentExpiry } = deps;
  let stopped = true;
  let sweeping: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  /** When this replica was last seen to be present; it starts with an absence of unknown length. */
  let lastSweepAt = Number.NEGATIVE_INFINITY;
  let resumedAt = clock.now();
  /** Apart from the sweeps: one that was under way when the process was suspended ends as if nothing had been. */
  let lastTickAt = 0;
  let wasAway = false;
  let ticker: NodeJS.Timeout | undefined;

  function tick(): void {
    const now = clock.now();
    if (Math.abs(now - lastTickAt) > AWAY_MS) wasAway = true;
    lastTickAt = now;
  }

  /** @returns whether this replica leads. */
  async function sweep(): Promise<boolean> {
    tick();
    const now = clock.now();
    const led = await lead();
    // Present, whoever leads: heartbeats are heard, and another replica looks for those that are missing.
    if (led === undefined) {
      wasAway = false;
      lastSweepAt = clock.now();
      return false;
    }
    const sweptAt = Math.max(lastSweepAt, led.ledAt ?? Number.NEGATIVE_INFINITY);
    if (wasAway || Math.abs(now - sweptAt) > AWAY_MS) {
      wasAway = false;
      await grantGrace(now);
    } else {
      await markOffline(now);
      await expireOffline(now);
    }
    lastSweepAt = clock.now();
    if (lastSweepAt - resumedAt > RESUME_MS) {
      resumedAt = lastSweepAt;
      await deps.deregistration.resume();
    }
    return true;
  }

  function lead() {
    return store.replica.lead('liveness', clock.now(), LEAD_MS);
  }

  async function grantGrace(now: number): Promise<void> {
    let extended = 0;
    for (;;) {
      await lead();
      const step = await store.agents.grantGrace(now, STEP);
      extended += step;
      if (step === 0) break;
    }
    if (extended > 0) {
      log.warn({ agents: extended }, 'every lease begins anew: the service was away');
    }
  }

  async function markOffline(now: number): Promise<void> {
    for (;;) {
      const expired = await store.agents.listExpired(now, STEP);
      await Promise.all(expired.map((agentId) => setOffline(agentId, now)));
      if (expired.length < STEP) return;
      // A long sweep says in between that it is at work.
      await lead();
    }
  }

  async function setOffline(agentId: string, now: number): Promise<void> {
    const { result: offline } = await store.agents.change({ agentId }, (agent) => {
      // A heartbeat may have come since the agent was listed.
      const expiresAt = agent?.leaseExpiresAt ?? null;
      const late = expiresAt !== null && expiresAt <= now;
      if (agent === undefined || !late || agent.offlineAt !== null) return { result: false };
      const write: Agent = {
        ...agent,
        status: leaving(agent) ?? 'offline',
        offlineAt: now,
        updatedAt: now,
      };
      return { result: true, write, event: 'status', holdUntil: HELD };
    });
    if (!offline) return;
    deps.onOffline?.();
    log.warn({ agent_id: agentId }, 'agent offline: its lease was missed');
    await deps.worker.releaseLane(laneOf('task', agentId));
  }

  async function expireOffline(now: number): Promise<void> {
    for (;;) {
      const expired = await store.agents.listOfflineSince(now - agentExpiry, STEP);
      for (const agentId of expired) {
        log.warn({ agent_id: agentId }, 'deregistering an agent: it was offline for too long');
        await deps.deregistration.expire(agentId, now - agentExpiry);
        await lead();
      }
      if (expired.length < STEP) return;
    }
  }

  function run(): void {
    clearTimeout(timer);
    wakeAt = Number.POSITIVE_INFINITY;
    sweeping = sweeping
      .then(sweep)
      // Who does not lead cannot do anything about a lease that has ended, and would look again at once.
      .then((leads) => (leads ? store.agents.nextExpiryAt(agentExpiry) : null))
      .catch((error: unknown) => {
        log.error({ err: error }, 'watching the leases failed; trying again');
        return null;
      })
      .then((next) => sleepUntil(next ?? Number.POSITIVE_INFINITY));
  }

  function sleepUntil(at: number): void {
    if (stopped) return;
    const now = clock.now();
    const next = Math.min(at, now + SWEEP_MS);
    if (next >= wakeAt) return;
    clearTimeout(timer);
    wakeAt = next;
    timer = setTimeout(run, Math.max(1, wakeAt - now));
  }

  return {
    start(): void {
      stopped = false;
      lastTickAt = clock.now();
      ticker = setInterval(tick, TICK_MS);
      ticker.unref();
      run();
    },
    /** A lease began or was changed: it may end before the next sweep. */
    watch(agent: Pick<Agent, 'leaseExpiresAt'>): void {
      if (agent.leaseExpiresAt !== null) sleepUntil(agent.leaseExpiresAt);
    },
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      clearInterval(ticker);
      await sweeping;
    },
  };
}

/** Who is leaving stays so, whatever else happens to it. */
function leaving(agent: Agent): 'deregistering' | undefined {
  return agent.status === 'deregistering' ? 'deregistering' : undefined;
}
