import { describe, expect, it, onTestFinished } from 'vitest';
import { aSecret, aSigningSecret } from '../helpers/secrets.ts';
import { hexHeaders, standardHeaders } from '../sdk/helpers/dispatch.ts';
import { sendJson, startServer } from '../sdk/helpers/http-server.ts';
import { startExample } from './helpers/example-process.ts';

const SECRET = aSigningSecret('OPSCORE_WEBHOOK_SECRET');
const KEY = aSecret('OPSCORE_API_KEY');
const DISPATCH_KEY = aSecret('AGENTKIT_API_KEY');
const AGENT_ID = '01a20674-77d1-704d-a9d8-1f5e3b5f0b04';

/** Ops-Core, and a service behind it that answers `/run` with `status`. */
async function startOpscore(env: Record<string, string> = {}, status = 202) {
  const service = await startServer((_request, response) => {
    const data = { agentId: AGENT_ID, taskId: 'task-1', dispatch_status: 'scheduled' };
    sendJson(response, status, { status: 'success', message: '', data, error_code: 'forbidden' });
  });
  onTestFinished(() => service.close());
  const opscore = startExample('opscore.ts', {
    PORT: '0',
    OPSCORE_WEBHOOK_SECRET: SECRET,
    OPSCORE_API_KEY: KEY,
    AGENTKIT_URL: service.url,
    AGENTKIT_API_KEY: DISPATCH_KEY,
    ...env,
  });
  const ready = await opscore.line('Ops-Core is ready');
  const post = async (url: string, body: string, headers: Record<string, string>) =>
    (await fetch(url, { method: 'POST', body, headers })).status;
  return {
    opscore,
    service,
    webhook: (body: string, headers: Record<string, string>) =>
      post(String(ready['webhookUrl']), body, headers),
    report: (agentId: string, body: unknown, key = KEY) =>
      post(
        `${String(ready['apiUrl'])}/v1/opscore/agent/${agentId}/state`,
        typeof body === 'string' ? body : JSON.stringify(body),
        { authorization: `Bearer ${key}` },
      ),
  };
}

function event(eventType: string): string {
  const details = { agentId: AGENT_ID, agentName: 'grüße', version: '1', metadata: {} };
  return JSON.stringify({ event_type: eventType, agent_details: details });
}

/** Both sets of headers, as the service sends them. */
function signed(body: string, id: string, secret = SECRET): Record<string, string> {
  return { ...hexHeaders(body, { secret }), ...standardHeaders(body, { id, secret }) };
}

describe('the example Ops-Core', () => {
  it('takes webhooks that verify over their raw bytes, each once, and answers 401 to all others', async () => {
    const { webhook, opscore } = await startOpscore();
    const body = event('REGISTER');
    const good = signed(body, 'm1');
    expect(await webhook(`${body} `, good)).toBe(401);
    expect(await webhook(body, {})).toBe(401);
    expect(await webhook(body, hexHeaders(body, { secret: SECRET }))).toBe(401);
    expect(await webhook(body, signed(body, 'm1', aSigningSecret('OPSCORE_WEBHOOK_SECRET')))).toBe(
      401,
    );
    expect(await webhook(body, { ...good, 'webhook-id': 'm2' })).toBe(401);
    expect([await webhook(body, good), await webhook(body, good)]).toEqual([202, 200]);
    for (const malformed of ['{', '[]', '{"event_type":"REGISTER"}', event('LEAVE')]) {
      expect(await webhook(malformed, signed(malformed, `bad ${malformed.length}`))).toBe(400);
    }
    expect(opscore.lines('webhook taken')).toMatchObject([
      { event_type: 'REGISTER', agentId: AGENT_ID, agentName: 'grüße', webhookId: 'm1' },
    ]);
    expect(opscore.stdout() + opscore.stderr()).not.toMatch(/sentinel|MfKQ9r8/);
  });

  it('takes the state reports of the agents that it knows, and of nobody else', async () => {
    const { webhook, report, opscore } = await startOpscore();
    const idle = { agentId: AGENT_ID, timestamp: '2026-01-01T00:00:00Z', state: 'idle' };
    expect(await report(AGENT_ID, idle)).toBe(404);
    await webhook(event('REGISTER'), signed(event('REGISTER'), 'm1'));
    expect(await report(AGENT_ID, idle)).toBe(202);
    expect(await report(AGENT_ID, idle, 'wrong')).toBe(401);
    expect(await report(AGENT_ID, idle, '')).toBe(401);
    expect(await report(AGENT_ID, { ...idle, agentId: 'other' })).toBe(400);
    expect(await report(AGENT_ID, { ...idle, state: 'IDLE' })).toBe(400);
    expect(await report(AGENT_ID, '{')).toBe(400);
    expect(await report('other', { ...idle, agentId: 'other' })).toBe(404);
    expect(await report(AGENT_ID, ' '.repeat(2 * 1024 * 1024 + 1))).toBe(413);
    await webhook(event('DEREGISTER'), signed(event('DEREGISTER'), 'm2'));
    expect(await report(AGENT_ID, idle)).toBe(404);
    expect(opscore.lines('state taken')).toHaveLength(1);
  });

  it('gives a task to an idle agent, once, with its key and an idempotency key', async () => {
    const { webhook, report, opscore, service } = await startOpscore();
    opscore.tell('run grüße sum {"a": 1}');
    expect(await opscore.line('task not sent')).toMatchObject({
      reason: 'there is no agent named grüße',
    });
    await webhook(event('REGISTER'), signed(event('REGISTER'), 'm1'));
    await report(AGENT_ID, { agentId: AGENT_ID, state: 'idle' });
    opscore.tell('run grüße sum {"a": 1}');
    opscore.tell('run grüße sum');
    const { opscoreTaskId } = await opscore.line('task sent');
    expect(opscore.lines('task sent')).toMatchObject([
      { status: 202, agentId: AGENT_ID, taskName: 'sum', taskId: 'task-1' },
    ]);
    expect(opscore.lines('task not sent').at(-1)).toMatchObject({
      reason: 'grüße is dispatched, not idle',
    });
    expect(service.received).toHaveLength(1);
    const [request] = service.received;
    expect(request).toMatchObject({ method: 'POST', path: `/v1/agents/${AGENT_ID}/run` });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${DISPATCH_KEY}`,
      'idempotency-key': opscoreTaskId,
    });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      task_name: 'sum',
      parameters: { a: 1 },
      opscore_task_id: opscoreTaskId,
    });
  });

  it('keeps an agent idle whose task the service refused, and lives on after the end of its input', async () => {
    const { webhook, report, opscore, service } = await startOpscore({}, 403);
    await webhook(event('REGISTER'), signed(event('REGISTER'), 'm1'));
    await report(AGENT_ID, { agentId: AGENT_ID, state: 'idle' });
    for (const line of ['walk', 'run grüße', 'run grüße sum [1]', 'agentkit nonsense']) {
      opscore.tell(line);
    }
    opscore.tell('run grüße sum');
    expect(await opscore.line('task not sent')).toMatchObject({
      reason: 'the service answered 403 forbidden',
    });
    expect(opscore.lines('not understood')).toHaveLength(4);
    expect(service.received).toHaveLength(1);
    expect(await report(AGENT_ID, { agentId: AGENT_ID, state: 'idle' })).toBe(202);
    opscore.kill('SIGTERM');
    expect(await opscore.exited).toBe(0);
  });

  it.each(['OPSCORE_WEBHOOK_SECRET', 'OPSCORE_API_KEY'])(
    'does not start without %s',
    async (name) => {
      const env = { PORT: '0', OPSCORE_WEBHOOK_SECRET: SECRET, OPSCORE_API_KEY: KEY, [name]: '' };
      const opscore = startExample('opscore.ts', env);
      expect(await opscore.exited).toBe(1);
      expect(opscore.stderr()).toBe(`Ops-Core: ${name} is not set\n`);
    },
  );
});
