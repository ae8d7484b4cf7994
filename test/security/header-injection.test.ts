import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { anAgent, startService, type Running } from './helpers/service.ts';

/** What forges a header, a log line, or what a terminal shows. */
const FORGERIES: readonly string[] = [
  'a\r\nx-forged: yes',
  'a\nx-forged: yes',
  'a\rx-forged: yes',
  '\r\n\r\n{}',
  'a\0b',
  'a\tb',
  'a\u001b[2Jb',
  'a\u007fb',
  'a\u0085b',
  'a\u009b2Jb',
  'a\u2028b',
  'a\u2029b',
];

const empty = async (service: Running) =>
  expect((await service.call('GET', '/v1/agents')).json.data).toEqual([]);

describe('control characters in a registration', () => {
  const fields: Readonly<Record<string, (text: string) => Record<string, unknown>>> = {
    '/agentName': (agentName) => ({ agentName }),
    '/version': (version) => ({ version }),
    '/capabilities/1': (text) => ({ capabilities: ['fine', text] }),
    '/contactEndpoint': (text) => ({ contactEndpoint: `http://127.0.0.1:9/${text}` }),
  };

  it.each(Object.entries(fields))(
    'are refused in %s, and nothing is stored',
    async (path, field) => {
      const service = await startService();
      for (const text of FORGERIES) {
        for (const [method, route] of [
          ['POST', '/v1/agents'],
          ['PUT', '/v1/agents/register'],
        ] as const) {
          const answer = await service.call(method, route, { body: anAgent(field(text)) });
          expect([text, answer.status]).toEqual([text, 422]);
          expect(answer.json.errors.map((fault) => fault.path)).toEqual([path]);
        }
      }
      await empty(service);
    },
  );

  it('are refused in each part of the endpoint, at its ends too', async () => {
    const service = await startService();
    for (const contactEndpoint of [
      'http://127.0.0.1:9/\r\nhost: forged',
      'http://127.0.0.1:9/?a=\r\nb',
      'ht\ntp://127.0.0.1:9/',
      'http://127.0\t.0.1:9/',
      '\u0001http://127.0.0.1:9/',
      ' http://127.0.0.1:9/',
      'http://127.0.0.1:9/ ',
      'http://127.0.0.1:9/\n',
      'http://127.0.0.1:9/ HTTP/1.1',
    ]) {
      const answer = await service.call('POST', '/v1/agents', {
        body: anAgent({ contactEndpoint }),
      });
      expect([contactEndpoint, answer.status]).toEqual([contactEndpoint, 422]);
    }
    await empty(service);
  });

  it('are data inside metadata, which becomes neither a header nor a log line', async () => {
    const service = await startService();
    const metadata = { notes: 'two\r\nlines', 'a\nkey': '\u001b[2J' };
    const { agentId } = await service.register({ metadata });
    const { json } = await service.call('GET', `/v1/agents/${agentId}`);
    expect(json.data).toMatchObject({ metadata });
    expect(JSON.stringify(service.log)).not.toContain('two');
  });
});

describe('control characters in a task', () => {
  it.each(['task_name', 'messageType'])(
    'are refused in %s, and nothing is stored',
    async (field) => {
      const service = await startService();
      const { agentId } = await service.register();
      for (const text of FORGERIES) {
        const body = {
          ...(field === 'messageType' ? { senderId: 'core', payload: {} } : {}),
          [field]: text,
        };
        const answer = await service.call('POST', `/v1/agents/${agentId}/run`, { body });
        expect([text, answer.status]).toEqual([text, 422]);
        expect(answer.json.errors.map(({ path }) => path)).toEqual([`/${field}`]);
      }
      const { json } = await service.call('GET', `/v1/agents/${agentId}/tasks`);
      expect(json.data).toEqual([]);
    },
  );
});

describe('control characters in the name of a key', () => {
  it('are refused, and nothing is stored', async () => {
    const service = await startService();
    for (const name of [...FORGERIES, 'a b', '', 'a'.repeat(65), '../x']) {
      const answer = await service.call('POST', '/v1/keys', { body: { name, scope: 'admin' } });
      expect([name, answer.status]).toEqual([name, 422]);
    }
    expect((await service.call('GET', '/v1/keys')).json.data).toEqual([]);
  });
});

describe('headers that the service reads', () => {
  /** As bytes: no client library would send them. */
  function raw(service: Running, lines: readonly string[], body: string): Promise<string> {
    const { hostname, port } = new URL(service.url);
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(Number(port), hostname, () => {
        const head = [...lines, `Content-Length: ${body.length}`, 'Connection: close', '', ''];
        // Written and not ended: Node gives up a request whose client has closed its side.
        socket.write(Buffer.from(head.join('\r\n') + body, 'latin1'));
      });
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
      onTestFinished(() => void socket.destroy());
    });
  }

  async function posting(service: Running, header: string): Promise<string> {
    const { agentId } = await service.register();
    const answer = await raw(
      service,
      [
        `POST /v1/agents/${agentId}/run HTTP/1.1`,
        'Host: x',
        'Content-Type: application/json',
        header,
      ],
      '{"task_name":"t"}',
    );
    return answer.split('\r\n', 1)[0] ?? '';
  }

  it.each([
    'Idempotency-Key: a b',
    'Idempotency-Key: a\tb',
    'Idempotency-Key: a\u0080b',
    'Idempotency-Key: a\u00ffb',
    `Idempotency-Key: ${'k'.repeat(256)}`,
    'Idempotency-Key: ',
  ])('refuse %j', async (header) => {
    const service = await startService();
    expect(await posting(service, header)).toMatch(/^HTTP\/1\.1 422 /);
  });

  it.each(['Idempotency-Key: a\0b', 'Idempotency-Key: a\u007fb', 'Idempotency-Key: a\nb'])(
    'are no HTTP with %j',
    async (header) => {
      const service = await startService();
      expect(await posting(service, header)).toMatch(/^HTTP\/1\.1 4(00|22) /);
    },
  );

  it('do not pass on a traceparent that is none', async () => {
    const service = await startService({ TASK_RETRY_SCHEDULE: '1h' });
    expect(await posting(service, 'traceparent: 00-zz\u0080')).toMatch(/^HTTP\/1\.1 202 /);
  });
});
