import { expect, it } from 'vitest';
import { inTurn, startAgentServer, status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';
import { aSecret } from '../helpers/secrets.ts';
import { startService } from '../security/helpers/service.ts';
import { parseMetrics, type Scrape } from './helpers/scrape.ts';

it('tells what the service did, in numbers that anybody can add up', async () => {
  const opscore = await httpReceiver((response) => response.writeHead(503).end());
  const service = await startService({
    OPSCORE_WEBHOOK_URL: opscore.url,
    OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
    WEBHOOK_RETRY_SCHEDULE: '10ms,10ms,1h',
    TASK_RETRY_SCHEDULE: '10ms,10ms,10ms,10ms,10ms,10ms',
  });
  const scrape = async (): Promise<Scrape> => {
    const answer = await fetch(`${service.url}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return parseMetrics(await answer.text());
  };
  const agent = await startAgentServer(inTurn(status(503), status(200)));
  const refusing = await startAgentServer(status(400));
  const { agentId } = await service.register({ contactEndpoint: agent.url });
  const { agentId: refusingId } = await service.register({ contactEndpoint: refusing.url });
  await service.call('POST', '/v1/agents', {
    body: { agentName: 'x', version: '1', contactEndpoint: 'http://169.254.169.254/' },
  });
  const run = (id: string) =>
    service.call('POST', `/v1/agents/${id}/run`, { body: { task_name: 't' } });
  await Promise.all([run(agentId), run(agentId), run(refusingId)]);
  const { agentId: pausedId } = await service.register({ contactEndpoint: agent.url });
  await service.call('POST', `/v1/agents/${pausedId}/pause`);
  const { taskId } = (await run(pausedId)).json.data as { taskId: string };
  await service.call('POST', `/v1/tasks/${taskId}/cancel`);
  await run(pausedId);
  // Its last task ends with it.
  await service.call('DELETE', `/v1/agents/${pausedId}`);
  // Nobody is there: five attempts later its breaker is open.
  const { agentId: goneId } = await service.register();
  await run(goneId);
  await fetch(`${service.url}/nowhere/at/all`);

  let seen = await scrape();
  const finished = (outcome: string) =>
    seen.value('agentkit_deliveries_finished_total', { kind: 'task', outcome });
  await eventually(async () => {
    seen = await scrape();
    return (
      seen.value('agentkit_deliveries_finished_total', { kind: 'task' }) === 5 &&
      seen.value('agentkit_breaker_transitions_total', { state: 'open' }) === 1 &&
      (seen.value('agentkit_attempts_total', { kind: 'webhook', outcome: 'retry' }) ?? 0) >= 9
    );
  }, 'the end of everything');
  await service.call('POST', '/v1/replays', { body: { filter: { kind: 'task' } } });
  await eventually(async () => {
    seen = await scrape();
    return seen.value('agentkit_replays_total', { event: 'done' }) === 1 && finished('dead') === 2;
  }, 'the replay of the dead letter, which dies again');

  expect([finished('delivered'), finished('dead'), finished('cancelled')]).toEqual([2, 2, 2]);
  expect(seen.value('agentkit_replayed_deliveries_total', { outcome: 'replayed' })).toBe(1);
  expect(seen.value('agentkit_tasks_accepted_total')).toBe(6);
  const attempts = (labels: Record<string, string>) =>
    seen.value('agentkit_attempts_total', { kind: 'task', ...labels });
  expect(attempts({ outcome: 'delivered', error: 'none' })).toBe(2);
  expect(attempts({ outcome: 'retry', error: 'http_status' })).toBe(2);
  expect(attempts({ outcome: 'failed', error: 'http_status' })).toBe(2);
  expect(attempts({ error: 'connection_refused' })).toBeGreaterThanOrEqual(5);
  expect(seen.value('agentkit_attempt_duration_seconds_count', { kind: 'task' })).toBe(
    attempts({}),
  );
  expect(seen.value('agentkit_delivery_duration_seconds_count', { kind: 'task' })).toBe(2);
  expect(seen.value('agentkit_opscore_failing')).toBe(1);
  // Ops-Core takes nothing: that is told, and is no reason to send nobody here.
  const degraded = { status: 'degraded', checks: { store: 'ok', opscore: 'failing' } };
  for (const path of ['/readyz', '/health']) {
    expect(await service.call('GET', path)).toMatchObject({ status: 200, json: degraded });
  }
  expect(seen.value('agentkit_egress_blocked_total')).toBe(1);
  const requests = (labels: Record<string, string>) =>
    seen.value('agentkit_http_request_duration_seconds_count', labels);
  const route = '/v1/agents/:agent_id/run';
  expect(requests({ method: 'POST', route, status: '2xx' })).toBe(6);
  expect(requests({ method: 'GET', route: 'none', status: '4xx' })).toBe(1);
  expect(seen.value('agentkit_http_errors_total', { code: 'not_found' })).toBe(1);
  const operation = 'tasks.insert';
  expect(seen.value('agentkit_store_operation_duration_seconds_count', { operation })).toBe(6);
  expect(seen.value('agentkit_store_batch_size_sum') ?? 0).toBeGreaterThan(5);
  expect(seen.value('agentkit_build_info', { store: 'sqlite' })).toBe(1);
  expect(seen.value('agentkit_replicas')).toBe(1);
  expect(seen.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);

  const ids = [agentId, refusingId, pausedId, taskId, new URL(agent.url).host];
  for (const { labels } of seen.samples) {
    for (const value of Object.values(labels)) expect(ids).not.toContain(value);
  }
  // Buckets only grow, and the last has all.
  const buckets = seen.samples.filter(
    ({ name, labels }) =>
      name === 'agentkit_delivery_duration_seconds_bucket' && labels['kind'] === 'task',
  );
  const counts = buckets.map(({ value }) => value);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(buckets.at(-1)).toMatchObject({ value: 2, labels: { le: '+Inf' } });
});
