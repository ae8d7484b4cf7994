import { describe, expect, it } from 'vitest';
import { inTurn, startAgentServer, status } from '../helpers/agent-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { httpReceiver } from '../helpers/http-receiver.ts';
import { aSecret } from '../helpers/secrets.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { startService } from '../security/helpers/service.ts';
import { otlpReceiver } from './helpers/otlp-receiver.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER = `00-${TRACE_ID}-b7ad6b7169203331-01`;
const [SERVER, CLIENT] = [2, 3];

describe("a task's trace, in a receiver that speaks OTLP", () => {
  it('goes from its caller through every attempt to the agent, also over a restart', async () => {
    const secret = aSecret('OTEL_EXPORTER_OTLP_HEADERS');
    const otlp = await otlpReceiver();
    const opscore = await httpReceiver((response) => response.writeHead(204).end());
    const dir = tempDir();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-token=${encodeURIComponent(secret)}`,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test%20bed',
      OPSCORE_WEBHOOK_URL: `${opscore.url}/inbox?with=query`,
      OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
      OPSCORE_API_URL: opscore.url,
      OPSCORE_API_KEY: aSecret('OPSCORE_API_KEY'),
      TASK_RETRY_SCHEDULE: '10ms,1s,10ms',
    };
    // Two attempts before the restart, one after it, which is refused for good.
    const agent = await startAgentServer(inTurn(status(503), status(503), status(410)));
    const first = await startService(env, { dir });
    const { agentId } = await first.register({ contactEndpoint: agent.url });
    const answer = await first.call('POST', `/v1/agents/${agentId}/run`, {
      body: { task_name: 't' },
      headers: { traceparent: CALLER, tracestate: 'congo=t61rcWkgMzE' },
    });
    expect(answer.status).toBe(202);
    const { taskId } = answer.json.data as { taskId: string };
    await eventually(() => agent.dispatches.length === 2, 'two attempts');
    await first.stop();
    const second = await startService(
      { ...env, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      { dir },
    );
    await eventually(() => agent.dispatches.length === 3, 'the third attempt');
    await eventually(() => opscore.received.length === 2, 'the webhook and the report');
    await second.stop();

    const spans = otlp.spans.filter(({ traceId }) => traceId === TRACE_ID);
    const server = spans.find(({ kind }) => kind === SERVER);
    expect(server).toMatchObject({
      name: 'POST /v1/agents/:agent_id/run',
      parentSpanId: 'b7ad6b7169203331',
      traceState: 'congo=t61rcWkgMzE',
      attributes: {
        'http.route': '/v1/agents/:agent_id/run',
        'http.response.status_code': 202,
        'agentkit.agent_id': agentId,
        'agentkit.task_id': taskId,
      },
      resource: { 'service.name': 'agentkit-service', 'deployment.environment.name': 'test bed' },
    });
    const attempts = spans.filter(({ name }) => name === 'POST task');
    expect(attempts).toHaveLength(3);
    const port = Number(new URL(agent.url).port);
    for (const [index, span] of attempts.entries()) {
      expect(span).toMatchObject({
        kind: CLIENT,
        parentSpanId: server?.spanId,
        attributes: {
          'server.address': '127.0.0.1',
          'server.port': port,
          'agentkit.task_id': taskId,
          'agentkit.agent_id': agentId,
          'agentkit.attempt': index + 1,
          'error.type': index < 2 ? '503' : '410',
        },
      });
      // The agent's own spans hang under the attempt that reached it.
      const headers = agent.dispatches[index]?.headers;
      expect(headers?.['traceparent']).toBe(`00-${TRACE_ID}-${span.spanId}-01`);
      expect(headers?.['tracestate']).toBe('congo=t61rcWkgMzE');
      expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
    }
    const started = attempts.map(({ startMs }) => startMs);
    expect(started).toEqual([...started].sort((a, b) => a - b));
    // What Ops-Core hears of it belongs to the same trace; a registration has one of its own.
    expect(spans.map(({ name }) => name)).toContain('POST state_report');
    const webhook = otlp.spans.find(({ name }) => name === 'POST webhook');
    expect(webhook?.attributes).toMatchObject({
      'agentkit.agent_id': agentId,
      'http.response.status_code': 204,
    });
    expect(webhook?.traceId).not.toBe(TRACE_ID);

    expect(otlp.headers.map((headers) => headers['x-token'])).toContain(secret);
    expect(otlp.headers.map((headers) => headers['content-type'])).toEqual(
      expect.arrayContaining(['application/x-protobuf', 'application/json']),
    );
    expect(JSON.stringify(otlp.spans)).not.toMatch(/with=query|inbox/);
  });

  it('begins where the caller sent none: found by the id of the task', async () => {
    const otlp = await otlpReceiver();
    const agent = await startAgentServer();
    const service = await startService({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${otlp.url}/v1/traces`,
    });
    const { agentId } = await service.register({ contactEndpoint: agent.url });
    const run = (headers: Record<string, string>) =>
      service.call('POST', `/v1/agents/${agentId}/run`, { body: { task_name: 't' }, headers });
    const own = (await run({})).json.data as { taskId: string };
    // What its caller does not record is not recorded here either.
    await run({ traceparent: CALLER.replace(/01$/, '00') });
    await eventually(() => agent.dispatches.length === 2, 'two dispatches');
    await service.stop();
    const traceId = own.taskId.replaceAll('-', '');
    expect(new Set(otlp.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(agent.of(own.taskId)[0]?.headers['traceparent']).toMatch(new RegExp(`^00-${traceId}-`));
    const other = agent.dispatches.find(({ taskId }) => taskId !== own.taskId);
    expect(other?.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
    const line = service.log.find(
      ({ msg, task_id }) => msg === 'request' && task_id === own.taskId,
    );
    expect(line).toMatchObject({ trace_id: traceId, agent_id: agentId });
    const attempt = service.log.find(
      ({ msg, task_id }) => msg === 'attempt' && task_id === own.taskId,
    );
    expect(attempt).toMatchObject({ trace_id: traceId, attempt: 1, outcome: 'delivered' });
  });
});

it('a receiver of spans that fails or hangs disturbs nobody, not even the shutdown', async () => {
  const secret = aSecret('OTEL_EXPORTER_OTLP_HEADERS');
  // It says what it was sent, as some do.
  const hanging = await httpReceiver(() => undefined);
  const refusing = await httpReceiver((response) => response.writeHead(400).end(`no ${secret}`));
  const agent = await startAgentServer();
  for (const [receiver, isTold] of [
    [hanging, false],
    [refusing, true],
  ] as const) {
    const service = await startService({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${encodeURIComponent(secret)}`,
    });
    const { agentId } = await service.register({ contactEndpoint: agent.url });
    const before = agent.dispatches.length;
    await service.call('POST', `/v1/agents/${agentId}/run`, { body: { task_name: 't' } });
    await eventually(() => agent.dispatches.length === before + 1, 'the dispatch');
    const startedAt = performance.now();
    await service.stop();
    // SHUTDOWN_GRACE is 1 s here.
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(receiver.received.length).toBeGreaterThan(0);
    const told = service.log.filter(({ msg }) => msg === 'traces could not be sent');
    expect(told.length > 0).toBe(isTold);
  }
});
