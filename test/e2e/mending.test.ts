import { describe, expect, it } from 'vitest';
import { hang, status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { withBrowser } from './helpers/browser.ts';
import { startScene } from './helpers/scene.ts';

const open = withBrowser();

describe('an operator', () => {
  it('finds a task by its id, reads why it failed, and retries it', async () => {
    const scene = await startScene();
    const [agentId = ''] = await scene.register(['writer']);
    scene.agent.behave = status(400, { body: 'no such chapter' });
    const taskId = await scene.run(agentId, 'draft');
    await scene.inState(taskId, 'dead');
    const { page } = await open(scene.service.url);
    await page.goto('/dashboard');
    await page.getByRole('searchbox', { name: 'Find by id' }).fill(taskId);
    await page.keyboard.press('Enter');

    await page.getByRole('heading', { name: 'Task draft' }).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/dashboard/deliveries/${taskId}`);
    await page.getByText('no such chapter').waitFor();
    await page.getByText('status 400').waitFor();
    // Signatures are not shown, here or anywhere.
    await page.getByText('x-agentkit-signature').waitFor();
    await page.getByText('[redacted]').first().waitFor();

    scene.agent.behave = status(202);
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByText('It is sent now.').waitFor();
    await page.getByText('Attempt 2').waitFor();
    await page.getByText('Delivered', { exact: true }).first().waitFor();
    expect(scene.agent.of(taskId)).toHaveLength(2);
  });

  it('is told when nothing has an id', async () => {
    const scene = await startScene();
    const { page, watch } = await open(scene.service.url);
    watch.expected.add(404);
    await page.goto('/dashboard/tasks');
    await page.getByText('agentkit run AGENT').waitFor();
    await page.getByRole('searchbox', { name: 'Find by id' }).fill('nobody');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing has the id nobody.').waitFor();
  });

  it('pauses an agent, cancels a task that waits for it, and resumes it', async () => {
    const scene = await startScene();
    const [agentId = ''] = await scene.register(['writer', 'reader']);
    const { page } = await open(scene.service.url);
    await page.goto('/dashboard/agents?name=wri');
    await page.getByRole('button', { name: 'Pause writer' }).click();
    await page.getByText('writer is paused: its tasks are accepted and wait.').waitFor();
    expect(await page.getByRole('button', { name: 'Pause reader' }).count()).toBe(0);

    const [cancelled, kept] = [await scene.run(agentId), await scene.run(agentId)];
    await page.goto(`/dashboard/deliveries/${cancelled}`);
    await page.getByText('It waits for its agent, which an operator paused.').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
    await page.getByText('Cancelled', { exact: true }).waitFor();

    await page.getByRole('link', { name: 'writer' }).click();
    await page.getByRole('button', { name: 'Resume writer' }).click();
    await scene.inState(kept, 'delivered');
    await scene.inState(cancelled, 'cancelled');
    expect(scene.agent.dispatches.map(({ taskId }) => taskId)).toEqual([kept]);
  });

  it('sends again what waits for its next attempt, without a dead letter', async () => {
    const scene = await startScene({ WEBHOOK_RETRY_SCHEDULE: '1h,1h' });
    scene.opscore.fail = () => 503;
    await scene.register(['a', 'b', 'c']);
    await eventually(
      async () => (await scene.count('state=scheduled&error_class=http_status')) === 3,
    );
    const { page } = await open(scene.service.url);
    await page.goto('/dashboard');
    const fault = page.getByRole('listitem').filter({ hasText: 'Webhooks: answered with 503' });
    await fault.getByRole('link', { name: '3 waiting' }).waitFor();
    scene.opscore.fail = () => undefined;
    await fault.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send 3 again' }).click();
    await page.getByText('3 that waited are being tried now.').waitFor();
    await page.getByText('Nothing fails.').waitFor();
    expect(scene.opscore.events()).toHaveLength(3);
  });

  it('replays the dead letters of a filter after the count, or does not', async () => {
    const scene = await startScene();
    const [writer = '', reader = ''] = await scene.register(['writer', 'reader']);
    scene.agent.behave = status(400);
    const tasks = [await scene.run(writer), await scene.run(writer), await scene.run(reader)];
    for (const taskId of tasks) await scene.inState(taskId, 'dead');
    scene.agent.behave = status(202);
    const { page } = await open(scene.service.url);
    await page.goto(`/dashboard/dead-letters?agent_id=${writer}`);
    await page.getByRole('button', { name: 'Replay all of these' }).click();
    await page.getByText('2 dead letters are scheduled again').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await scene.count('state=dead')).toBe(3);

    await page.getByRole('button', { name: 'Replay all of these' }).click();
    await page.getByRole('button', { name: 'Send 2 again' }).click();
    await page.getByText('2 of 2').waitFor();
    await eventually(async () => (await scene.count('state=dead')) === 1);
  });

  it('keeps the filters over a reload, and gets the ones before by the way back', async () => {
    const scene = await startScene();
    const [agentId = ''] = await scene.register(['writer']);
    const done = await scene.run(agentId, 'done');
    await scene.inState(done, 'delivered');
    scene.agent.behave = hang;
    await scene.run(agentId, 'stuck');
    const { page } = await open(scene.service.url);
    await page.goto('/dashboard/tasks');
    const row = (name: string) => page.getByRole('rowheader', { name });
    await row('done').waitFor();
    await page.getByRole('combobox', { name: 'State' }).selectOption('delivered');
    await row('stuck').waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?state=delivered');
    await page.reload();
    await row('done').waitFor();
    expect(await page.getByRole('combobox', { name: 'State' }).inputValue()).toBe('delivered');
    await page.goBack();
    await row('stuck').waitFor();
    await page.goForward();
    await row('stuck').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Clear filters' }).click();
    await row('stuck').waitFor();
  });

  it('sees what arrives as it arrives, unless the page is paused', async () => {
    const scene = await startScene();
    const { page } = await open(scene.service.url);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto('/dashboard/agents');
    await page.getByText('No agent is registered yet.').waitFor();
    await scene.register(['first']);
    await page.getByRole('rowheader', { name: 'first' }).waitFor();
    await page.getByRole('button', { name: 'Pause live updates' }).click();
    await page.getByText('Paused', { exact: true }).waitFor();
    await eventually(async () => (await scene.count('')) === 1);
    asked.length = 0;
    await scene.register(['second']);
    await page.getByRole('button', { name: 'Resume live updates' }).click();
    expect(asked.filter((path) => path !== '/v1/events')).toEqual([]);
    await page.getByRole('rowheader', { name: 'second' }).waitFor();
  });
});

it('what agents say of themselves is text', async () => {
  const scene = await startScene();
  const name = '<img src=x onerror=alert(1)>';
  const [agentId = ''] = await scene.register([name]);
  scene.agent.behave = status(500, { body: '<script>alert(2)</script>' });
  const taskId = await scene.run(agentId, '"><svg onload=alert(3)>');
  const { page } = await open(scene.service.url);
  page.on('dialog', (dialog) => {
    throw new Error(`a script of an agent ran: ${dialog.message()}`);
  });
  await page.goto('/dashboard/agents');
  await page.getByRole('link', { name, exact: true }).waitFor();
  await page.goto(`/dashboard/deliveries/${taskId}`);
  await page.getByText('<script>alert(2)</script>').waitFor();
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  await page.getByRole('link', { name: '"><svg onload=alert(3)>' }).waitFor();
  expect(await page.locator('main img, main script').count()).toBe(0);
});
