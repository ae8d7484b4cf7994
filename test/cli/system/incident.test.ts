import { expect, it } from 'vitest';
import type { StatusReport } from '../../../src/cli/status/report.ts';
import { dataOf, spawnAgentkit, type CliProcess } from '../../helpers/cli.ts';
import { eventually } from '../../helpers/eventually.ts';
import { freePort } from '../../helpers/free-port.ts';
import { inParallel } from '../../helpers/in-parallel.ts';
import { startWorld } from '../../integration/world.ts';

const AGENTS = 250;

it('a broken Ops-Core with 500 events waiting: seen with its reason, and all sent again in three commands, over kill -9', async () => {
  const world = await startWorld({
    PORT: String(await freePort()),
    // In that hour some were given up, and others wait for an attempt that is far away.
    WEBHOOK_RETRY_SCHEDULE: '1h',
  });
  const { opscore } = world;
  const given = new Set<string>();
  opscore.fail = ({ agentId }) => (given.has(agentId) ? 401 : 503);
  const agentIds: string[] = [];
  await inParallel(AGENTS, 16, async (n) => {
    const name = { agentName: `a${String(n)}` };
    const { agentId } = await world.register('http://127.0.0.1:9/', name);
    agentIds.push(agentId);
    await world.request('PATCH', `/v1/agents/${agentId}`, { version: '2.0.0' });
  });

  const agentkit = (...args: string[]): CliProcess =>
    spawnAgentkit(args, { env: { ...opscore.env, AGENTKIT_URL: world.service().url } });
  const overview = async () =>
    dataOf<StatusReport>(await agentkit('status', '--json').ended).overview;
  const failing = async () =>
    (await overview()).failing.map(({ state, lastError, count }) => [state, lastError, count]);
  await eventually(
    async () => JSON.stringify(await failing()) === `[["scheduled","http_503",${AGENTS}]]`,
    'the first event of each agent was tried',
  );
  // What waited for Ops-Core is refused for good when it is back with another secret: of every other agent.
  agentIds.forEach((agentId, n) => n % 2 === 0 && given.add(agentId));
  await inParallel(given.size, 8, async (n) => {
    const agentId = [...given][n] ?? '';
    const list = `/v1/deliveries?agent_id=${agentId}&error_class=http_status`;
    const { body } = await world.request<{ data: { deliveryId: string }[] }>('GET', list);
    await world.request('POST', `/v1/deliveries/${body.data[0]?.deliveryId ?? ''}/retry`);
  });
  await eventually(
    async () => JSON.stringify(await failing()).includes(`["dead","http_401",${AGENTS}]`),
    'half of the events are dead letters',
  );

  // The first command: what fails, why, and what to type.
  const status = await agentkit('status').ended;
  expect(status.stdout).toMatch(/^waiting +250 webhook/m);
  expect(status.stdout).toMatch(
    /^webhook +dead +http_401 +250 +\d+s +Ops-Core refuses the signature: another secret/m,
  );
  expect(status.stdout).toMatch(/^webhook +scheduled +http_503 +125 .* Ops-Core fails/m);
  const command = /everything again: +agentkit (.*)/.exec(status.stderr)?.[1]?.split(' ') ?? [];
  expect(command).toEqual(['deliveries', 'replay', '--kind', 'webhook']);

  // The mend. It takes what comes, and answers none of it yet.
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const mendedAt = opscore.arrivals.length;
  opscore.fail = async ({ agentId }) => {
    if (agentId !== '') await gate;
    return undefined;
  };

  // The second, killed while the service sends.
  const second = agentkit(...command, '--yes');
  const events = () => opscore.arrivals.slice(mendedAt).filter(({ agentId }) => agentId !== '');
  await eventually(() => events().length > 0, 'something is sent again');
  second.child.kill('SIGKILL');
  await second.ended;

  // The third, the same again; the service is killed under it, and comes back.
  const third = agentkit(...command, '--yes');
  let ended = false;
  void third.ended.then(() => (ended = true));
  // Unless the second had come so far that nothing is left to do.
  await eventually(() => ended || /^replay \S+$/m.test(third.stderr()), 'the replay has begun');
  await world.kill();
  open();
  await eventually(
    () => ended || third.stderr().includes('waiting for it'),
    'it misses the service',
  );
  await world.restart();
  expect(await third.ended).toMatchObject({ code: 0 });

  for (const agentId of agentIds) {
    const versions = () =>
      opscore.events(agentId).map(({ agent_details }) => agent_details.version);
    // At least once each, and the first arrivals in order.
    await eventually(() => new Set(versions()).size === 2, 'both events of the agent arrived');
    expect([...new Set(versions())]).toEqual(['1.0.0', '2.0.0']);
  }
  expect(opscore.mostInFlight()).toBe(1);
  await eventually(async () => {
    const { failing: left, kinds } = await overview();
    return left.length === 0 && kinds.every(({ pending }) => pending.count === 0);
  }, 'nothing waits, nothing fails');
});
