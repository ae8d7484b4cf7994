import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAgent, verifySignature, type Agent } from '../../src/sdk/index.ts';
import { aSecret, aSigningSecret } from '../helpers/secrets.ts';
import { HOUR, manualClock, SECOND } from './helpers/clock.ts';
import { startReceiver, type Arrival } from './helpers/servers.ts';
import { startService, type Running, type StartOptions } from './helpers/service.ts';
import { run } from './helpers/tasks.ts';
import { hexAccepts, stockAccepts } from './helpers/verify.ts';

const KEYS = { fleet: aSecret('AGENTKIT_API_KEYS'), opscore: aSecret('AGENTKIT_API_KEYS') };
const ENV = {
  AGENTKIT_API_KEYS: `fleet:register:${KEYS.fleet},opscore:dispatch:${KEYS.opscore}`,
};

const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

interface Scene {
  readonly service: Running;
  readonly agent: Agent;
  /** What the handler was run with. */
  readonly ran: readonly string[];
  /** A genuine dispatch to the agent, caught on its way: the agent has not seen it. */
  readonly catchDispatch: () => Promise<Arrival>;
  /** Brings something to the agent, as whoever reaches its port can. @returns the status. */
  readonly bring: (arrival: Pick<Arrival, 'headers' | 'bytes'>) => Promise<number>;
}

/** An agent of the SDK in keyed mode, with somebody on the line between the service and it. */
async function scene(options: StartOptions = {}): Promise<Scene> {
  const service = await startService(ENV, options);
  const line = await startReceiver();
  const ran: string[] = [];
  const agent = await createAgent({
    name: 'payer',
    version: '1.0.0',
    tasks: {
      summarize: (task) => {
        ran.push(task.taskId);
        return {};
      },
    },
    baseUrl: service.url,
    apiKey: KEYS.fleet,
    contactEndpoint: line.url,
    handleSignals: false,
    logger: silent,
  });
  onTestFinished(() => agent.close());
  return {
    service,
    agent,
    ran,
    catchDispatch: async () => {
      const before = line.arrivals.length;
      await run(service, agent.agentId, KEYS.opscore);
      return vi.waitFor(() => found(line.arrivals[before]), { timeout: 10_000, interval: 10 });
    },
    bring: async ({ headers, bytes }) => {
      const { host: _host, connection: _connection, 'content-length': _length, ...rest } = headers;
      const response = await fetch(agent.url, {
        method: 'POST',
        headers: rest as Record<string, string>,
        body: bytes,
      });
      await response.body?.cancel();
      return response.status;
    },
  };
}

function withHeaders(arrival: Arrival, changes: Record<string, string | undefined>): Arrival {
  const headers = { ...arrival.headers };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) Reflect.deleteProperty(headers, name);
    else headers[name] = value;
  }
  return { ...arrival, headers };
}

function found(arrival: Arrival | undefined): Arrival {
  if (arrival === undefined) throw new Error('nothing has arrived yet');
  return arrival;
}

const header = (arrival: Arrival, name: string) => arrival.headers[name] as string;

function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

const STANDARD = {
  'webhook-id': undefined,
  'webhook-timestamp': undefined,
  'webhook-signature': undefined,
};
const HEX = { 'x-agentkit-timestamp': undefined, 'x-agentkit-signature': undefined };

describe('a dispatch that is brought to an agent of the SDK', () => {
  it('is taken when it is genuine, and once', async () => {
    const { catchDispatch, bring, ran } = await scene();
    const dispatch = await catchDispatch();
    expect(await bring(dispatch)).toBe(202);
    expect(await bring(dispatch)).toBe(401);
    // That number is not signed: raised, it looks like a retry whose first answer was lost. It runs nothing.
    expect(await bring(withHeaders(dispatch, { 'x-agentkit-attempt': '2' }))).toBe(202);
    const another = await catchDispatch();
    expect(await bring(another)).toBe(202);
    const ids = [dispatch, another].map((arrival) => header(arrival, 'webhook-id'));
    await vi.waitFor(() => expect(ran).toEqual(ids));
  });

  it('is refused with any byte of its body flipped, and the handler does not run', async () => {
    const { catchDispatch, bring, ran } = await scene();
    const dispatch = await catchDispatch();
    for (let index = 0; index < dispatch.bytes.length; index += 1) {
      const status = await bring({ ...dispatch, bytes: flipped(dispatch.bytes, index) });
      expect([index, status]).toEqual([index, 401]);
    }
    expect(ran).toEqual([]);
    // The same message, untouched, is still good: refusing leaves no trace.
    expect(await bring(dispatch)).toBe(202);
  });

  it('is refused in any other form', async () => {
    const { catchDispatch, bring, ran, service } = await scene();
    const dispatch = await catchDispatch();
    const another = await catchDispatch();
    const signature = header(dispatch, 'webhook-signature');
    const stamp = header(dispatch, 'webhook-timestamp');
    const later = String(Number(stamp) + 1);
    const stranger = await service.register({ contactEndpoint: 'http://127.0.0.1:9/' }, KEYS.fleet);
    expect(stranger.signingSecret).toMatch(/^whsec_/);

    const forgeries: Readonly<Record<string, Pick<Arrival, 'headers' | 'bytes'>>> = {
      unsigned: withHeaders(dispatch, { ...STANDARD, ...HEX }),
      'parsed and written again': {
        ...dispatch,
        bytes: Buffer.from(JSON.stringify(JSON.parse(dispatch.bytes.toString()), null, 1)),
      },
      'with a space more': {
        ...dispatch,
        bytes: Buffer.concat([dispatch.bytes, Buffer.from(' ')]),
      },
      'with an empty body': { ...dispatch, bytes: Buffer.alloc(0) },
      'under another id': withHeaders(dispatch, {
        'webhook-id': header(another, 'webhook-id'),
        'x-agentkit-task-id': header(another, 'webhook-id'),
      }),
      'with the task id of another': withHeaders(dispatch, {
        'x-agentkit-task-id': header(another, 'x-agentkit-task-id'),
      }),
      'a second later': withHeaders(dispatch, {
        'webhook-timestamp': later,
        'x-agentkit-timestamp': later,
      }),
      'with two different times': withHeaders(dispatch, { 'x-agentkit-timestamp': later }),
      'with the signature of another': withHeaders(dispatch, {
        'webhook-signature': header(another, 'webhook-signature'),
      }),
      'with no signature': withHeaders(dispatch, { 'webhook-signature': '' }),
      'with an empty signature': withHeaders(dispatch, { 'webhook-signature': 'v1,' }),
      'with a signature of another version': withHeaders(dispatch, {
        'webhook-signature': signature.replace('v1,', 'v1a,'),
      }),
      'with a signature cut short': withHeaders(dispatch, {
        'webhook-signature': signature.slice(0, -1),
      }),
      'with a letter of the signature changed': withHeaders(dispatch, {
        'webhook-signature': signature.replace(/.(?==*$)/, (last) => (last === 'A' ? 'B' : 'A')),
      }),
      'with the hex signature alone, which covers no id': withHeaders(dispatch, STANDARD),
      'without a timestamp': withHeaders(dispatch, { 'webhook-timestamp': undefined }),
      'with a timestamp that is no number': withHeaders(dispatch, {
        'webhook-timestamp': 'NaN',
        'x-agentkit-timestamp': 'NaN',
      }),
    };
    for (const [name, forgery] of Object.entries(forgeries)) {
      expect([name, await bring(forgery)]).toEqual([name, 401]);
    }
    expect(ran).toEqual([]);
    expect(await bring(dispatch)).toBe(202);
  });

  it('is refused when it was signed for another agent', async () => {
    const { service, bring, ran } = await scene();
    const line = await startReceiver();
    const other = await service.register({ contactEndpoint: line.url }, KEYS.fleet);
    await run(service, other.agentId, KEYS.opscore);
    const dispatch = await vi.waitFor(() => found(line.arrivals[0]), { interval: 10 });
    expect(stockAccepts(dispatch, other.signingSecret, Date.now())).toBe(true);
    expect(await bring(dispatch)).toBe(401);
    expect(ran).toEqual([]);
  });

  it.each([
    ['stale', -302, 401],
    ['old, but within five minutes', -290, 202],
    ['early, but within five minutes', 290, 202],
    ['of the future', 302, 401],
  ])('that is %s (%i s) gets its status', async (_name, seconds, status) => {
    const clock = manualClock();
    clock.advance(seconds * SECOND);
    const { catchDispatch, bring, ran } = await scene({ clock });
    const dispatch = await catchDispatch();
    expect(await bring(dispatch)).toBe(status);
    await vi.waitFor(() => expect(ran).toHaveLength(status === 202 ? 1 : 0));
  });

  it('is taken before, during and after a rotation of the secret by the agent itself', async () => {
    const clock = manualClock();
    const { agent, catchDispatch, bring, ran } = await scene({ clock });
    expect(await bring(await catchDispatch())).toBe(202);
    await agent.rotateSigningSecret({ overlapSeconds: 60, hexAfterSeconds: 30 });
    expect(await bring(await catchDispatch())).toBe(202);
    // The service's clock goes on to after the overlap, well within the tolerance of the agent's.
    clock.advance(61 * SECOND);
    expect(await bring(await catchDispatch())).toBe(202);
    await vi.waitFor(() => expect(ran).toHaveLength(3));
  });
});

describe('verifySignature with the old secret, the new one, and both', () => {
  it('finds no gap in a rotation', async () => {
    const clock = manualClock();
    const agent = await startReceiver();
    const service = await startService({}, { clock });
    const registered = await service.register({ contactEndpoint: agent.url });
    const secrets = { old: registered.signingSecret, new: aSigningSecret() };

    /** What each kind of receiver says of the next dispatch, and whose the hex signature is. */
    const next = async () => {
      const before = agent.arrivals.length;
      await run(service, registered.agentId);
      const arrival = await vi.waitFor(() => found(agent.arrivals[before]), { interval: 10 });
      const accepts = (...secret: string[]) =>
        verifySignature({ ...arrival, body: arrival.bytes, secret, now: () => clock.wall() }).ok;
      return {
        old: accepts(secrets.old),
        new: accepts(secrets.new),
        both: accepts(secrets.old, secrets.new) && accepts(secrets.new, secrets.old),
        hex: hexAccepts(arrival, secrets.old) ? 'old' : 'new',
      };
    };

    expect(await next()).toEqual({ old: true, new: false, both: true, hex: 'old' });
    const path = `/v1/agents/${registered.agentId}/signing-secret/rotate`;
    const rotated = await service.call('POST', path, { body: { hexAfterSeconds: 3_600 } });
    secrets.new = (rotated.json.data as { signingSecret: string }).signingSecret;
    expect(await next()).toEqual({ old: true, new: true, both: true, hex: 'old' });
    clock.advance(HOUR);
    expect(await next()).toEqual({ old: true, new: true, both: true, hex: 'new' });
    clock.advance(23 * HOUR);
    expect(await next()).toEqual({ old: false, new: true, both: true, hex: 'new' });
  });
});
