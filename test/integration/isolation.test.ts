import { expect, it } from 'vitest';
import { hang, startAgentServer } from '../helpers/agent-server.ts';
import { inParallel } from '../helpers/in-parallel.ts';
import { eventually, startWorld } from './world.ts';

it('an agent that hangs with 500 waiting tasks does not hold up the tasks of another', async () => {
  const world = await startWorld({ AGENT_CONCURRENCY: '16', DISPATCH_TIMEOUT: '5m' });
  const hung = await startAgentServer(hang);
  const well = await startAgentServer();
  const stuck = await world.register(hung);
  const other = await world.register(well);
  await inParallel(500, 16, async () => void (await world.run(stuck.agentId)));
  await eventually(() => expect(hung.dispatches).toHaveLength(16));

  const taskIds: string[] = [];
  await inParallel(200, 16, async () => void taskIds.push(await world.run(other.agentId)));
  for (const taskId of taskIds) await world.taskIn('delivered', taskId);
  // No attempt has ended meanwhile: the others did not wait for a timeout, and the cap held.
  expect(hung.dispatches.filter(({ cutOff }) => cutOff)).toEqual([]);
  expect(hung.dispatches).toHaveLength(16);

  // A restart takes the hung agent's backlog into its hands again; that holds up nobody either.
  await world.kill();
  await world.restart();
  await eventually(() => expect(hung.dispatches).toHaveLength(32));
  await world.taskIn('delivered', await world.run(other.agentId));
});
