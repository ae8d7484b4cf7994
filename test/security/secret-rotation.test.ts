import { describe, expect, it, vi } from 'vitest';
import { aSecret, aSigningSecret } from '../helpers/secrets.ts';
import { HOUR, manualClock, type ManualClock } from './helpers/clock.ts';
import { startReceiver, type Arrival, type Receiver } from './helpers/servers.ts';
import { startService, type Environment, type Running } from './helpers/service.ts';
import { run } from './helpers/tasks.ts';
import { tempDir } from './helpers/temp-dir.ts';
import { hexAccepts, stockAccepts } from './helpers/verify.ts';

async function nextArrival(receiver: Receiver, cause: () => Promise<unknown>): Promise<Arrival> {
  const before = receiver.arrivals.length;
  await cause();
  return vi.waitFor(
    () => {
      const arrival = receiver.arrivals[before];
      if (arrival === undefined) throw new Error('nothing has arrived');
      return arrival;
    },
    { timeout: 10_000, interval: 10 },
  );
}

/** Which of two receivers takes it: by the Standard Webhooks header, and by the hex header. */
function takers(arrival: Arrival, secrets: { old: string; new: string }, clock: ManualClock) {
  const by = (accepts: (secret: string) => boolean) =>
    (['old', 'new'] as const).filter((which) => accepts(secrets[which]));
  return {
    standard: by((secret) => stockAccepts(arrival, secret, clock.wall())),
    hex: by((secret) => hexAccepts(arrival, secret)),
  };
}

const ONLY_OLD = { standard: ['old'], hex: ['old'] };
const ONLY_NEW = { standard: ['new'], hex: ['new'] };
const BOTH_HEX_NEW = { standard: ['old', 'new'], hex: ['new'] };
const BOTH_HEX_OLD = { standard: ['old', 'new'], hex: ['old'] };

describe("an agent's signing secret that is replaced", () => {
  async function scene(env: Environment = {}) {
    const clock = manualClock();
    const agent = await startReceiver();
    const service = await startService(env, { clock });
    const registered = await service.register({ contactEndpoint: agent.url });
    const rotate = async (body: Record<string, unknown> = {}) => {
      const path = `/v1/agents/${registered.agentId}/signing-secret/rotate`;
      const answer = await service.call('POST', path, { token: registered.agentToken, body });
      expect(answer.status, answer.text).toBe(200);
      return answer.json.data as { signingSecret: string; previousUntil: string };
    };
    const dispatch = () => nextArrival(agent, () => run(service, registered.agentId));
    return { clock, service, registered, rotate, dispatch };
  }

  it('verifies with the old one before, with either during, with the new one after the overlap', async () => {
    const { clock, registered, rotate, dispatch } = await scene();
    const before = await dispatch();
    const rotation = await rotate();
    expect(Date.parse(rotation.previousUntil)).toBe(clock.wall() + 24 * HOUR);
    const secrets = { old: registered.signingSecret, new: rotation.signingSecret };
    expect(takers(before, secrets, clock)).toEqual(ONLY_OLD);
    expect(takers(await dispatch(), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(24 * HOUR - 1);
    expect(takers(await dispatch(), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(1);
    expect(takers(await dispatch(), secrets, clock)).toEqual(ONLY_NEW);
  });

  it('keeps the hex header on the old one until the moment that was chosen', async () => {
    const { clock, registered, rotate, dispatch } = await scene();
    const { signingSecret } = await rotate({ overlapSeconds: 7_200, hexAfterSeconds: 3_600 });
    const secrets = { old: registered.signingSecret, new: signingSecret };
    expect(takers(await dispatch(), secrets, clock)).toEqual(BOTH_HEX_OLD);
    clock.advance(HOUR - 1);
    expect(takers(await dispatch(), secrets, clock)).toEqual(BOTH_HEX_OLD);
    clock.advance(1);
    expect(takers(await dispatch(), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(HOUR);
    expect(takers(await dispatch(), secrets, clock)).toEqual(ONLY_NEW);
  });

  it('is over at once without an overlap', async () => {
    const { clock, registered, rotate, dispatch } = await scene();
    const { signingSecret } = await rotate({ overlapSeconds: 0, hexAfterSeconds: 3_600 });
    const secrets = { old: registered.signingSecret, new: signingSecret };
    expect(takers(await dispatch(), secrets, clock)).toEqual(ONLY_NEW);
  });

  it('takes SECRET_OVERLAP when nothing else is said', async () => {
    const { clock, registered, rotate, dispatch } = await scene({ SECRET_OVERLAP: '1h' });
    const { signingSecret } = await rotate();
    const secrets = { old: registered.signingSecret, new: signingSecret };
    clock.advance(HOUR - 1);
    expect(takers(await dispatch(), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(1);
    expect(takers(await dispatch(), secrets, clock)).toEqual(ONLY_NEW);
  });

  it('signs with the last two when it is replaced again during the overlap', async () => {
    const { clock, registered, rotate, dispatch } = await scene();
    const second = await rotate();
    const third = await rotate();
    const arrival = await dispatch();
    const at = clock.wall();
    expect(
      [registered, second, third].map(({ signingSecret }) =>
        stockAccepts(arrival, signingSecret, at),
      ),
    ).toEqual([false, true, true]);
  });

  it('overlaps over a restart', async () => {
    const clock = manualClock();
    const dir = tempDir();
    const agent = await startReceiver();
    const first = await startService({}, { clock, dir });
    const registered = await first.register({ contactEndpoint: agent.url });
    const rotated = await first.call(
      'POST',
      `/v1/agents/${registered.agentId}/signing-secret/rotate`,
      { body: {} },
    );
    await first.stop();
    const { signingSecret } = rotated.json.data as { signingSecret: string };
    const secrets = { old: registered.signingSecret, new: signingSecret };
    clock.advance(24 * HOUR - 1);
    const second = await startService({}, { clock, dir });
    const arrival = await nextArrival(agent, () => run(second, registered.agentId));
    expect(takers(arrival, secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(1);
    const later = await nextArrival(agent, () => run(second, registered.agentId));
    expect(takers(later, secrets, clock)).toEqual(ONLY_NEW);
  });
});

const webhookText = () => aSecret('OPSCORE_WEBHOOK_SECRET');

describe('a webhook secret that is replaced', () => {
  /** What Ops-Core gets of a registration; the service is started anew for it, as for every change of a variable. */
  async function webhook(
    opscore: Receiver,
    env: Environment,
    { clock, dir }: { clock: ManualClock; dir: string },
    after: (service: Running) => Promise<Arrival | undefined> = () => Promise.resolve(undefined),
  ): Promise<Arrival> {
    const service = await startService(
      { OPSCORE_WEBHOOK_URL: opscore.url, ...env },
      { clock, dir },
    );
    const arrival = await nextArrival(opscore, () => service.register());
    const later = await after(service);
    await service.stop();
    return later ?? arrival;
  }

  it.each([
    ['text', webhookText(), webhookText()],
    [
      'Standard Webhooks',
      aSigningSecret('OPSCORE_WEBHOOK_SECRET'),
      aSigningSecret('OPSCORE_WEBHOOK_SECRET'),
    ],
  ])('verifies before, during and after, and over restarts (%s)', async (_form, old, fresh) => {
    const place = { clock: manualClock(), dir: tempDir() };
    const { clock } = place;
    const opscore = await startReceiver();
    const secrets = { old, new: fresh };
    const before = await webhook(opscore, { OPSCORE_WEBHOOK_SECRET: old }, place);
    expect(takers(before, secrets, clock)).toEqual(ONLY_OLD);

    const env = { OPSCORE_WEBHOOK_SECRET: fresh, OPSCORE_WEBHOOK_SECRET_PREVIOUS: old };
    // The overlap starts with the first start that has the new secret, however long ago the old one was told.
    clock.advance(1_000 * HOUR);
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(24 * HOUR - 1);
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(1);
    // Counted from there over the restarts: the variable that was left behind does no harm.
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(ONLY_NEW);
  });

  it('ends its overlap while the service runs', async () => {
    const place = { clock: manualClock(), dir: tempDir() };
    const { clock } = place;
    const opscore = await startReceiver();
    const secrets = { old: webhookText(), new: webhookText() };
    const env = {
      OPSCORE_WEBHOOK_SECRET: secrets.new,
      OPSCORE_WEBHOOK_SECRET_PREVIOUS: secrets.old,
      SECRET_OVERLAP: '1h',
    };
    const after = await webhook(opscore, env, place, (service) => {
      clock.advance(HOUR);
      return nextArrival(opscore, () => service.register());
    });
    expect(takers(after, secrets, clock)).toEqual(ONLY_NEW);
  });

  it('changes the hex header at OPSCORE_WEBHOOK_SECRET_SWITCH_AT', async () => {
    const place = { clock: manualClock(), dir: tempDir() };
    const { clock } = place;
    const opscore = await startReceiver();
    const secrets = { old: webhookText(), new: webhookText() };
    const env = {
      OPSCORE_WEBHOOK_SECRET: secrets.new,
      OPSCORE_WEBHOOK_SECRET_PREVIOUS: secrets.old,
      OPSCORE_WEBHOOK_SECRET_SWITCH_AT: new Date(clock.wall() + HOUR).toISOString(),
    };
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(BOTH_HEX_OLD);
    clock.advance(HOUR - 1);
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(BOTH_HEX_OLD);
    clock.advance(1);
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(BOTH_HEX_NEW);
    clock.advance(23 * HOUR);
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(ONLY_NEW);
  });

  it('is not switched later than its overlap lasts', async () => {
    const place = { clock: manualClock(), dir: tempDir() };
    const { clock } = place;
    const opscore = await startReceiver();
    const secrets = { old: webhookText(), new: webhookText() };
    const env = {
      OPSCORE_WEBHOOK_SECRET: secrets.new,
      OPSCORE_WEBHOOK_SECRET_PREVIOUS: secrets.old,
      OPSCORE_WEBHOOK_SECRET_SWITCH_AT: new Date(clock.wall() + 48 * HOUR).toISOString(),
    };
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(BOTH_HEX_OLD);
    clock.advance(24 * HOUR);
    expect(takers(await webhook(opscore, env, place), secrets, clock)).toEqual(ONLY_NEW);
  });
});
