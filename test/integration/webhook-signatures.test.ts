import { describe, expect, it } from 'vitest';
import type { OpscoreArrival } from '../helpers/fake-opscore.ts';
import { aSecret, aSigningSecret } from '../helpers/secrets.ts';
import { eventually, startWorld } from './world.ts';

const METADATA: Record<string, unknown> = {
  'not given': undefined,
  null: null,
  empty: {},
  nested: { a: { b: [{ c: [1, 2.5, -0.1, 1e21, true, null, ''] }, [], {}] }, '10': 'x', '9': 'y' },
  Unicode: {
    name: 'Zoë 李 🚀 عربى',
    'ключ "и" \\': 'a\u2028b\u2029c\u007f\u0000\n\t',
    combining: 'e\u0301 \u200d 👩‍👩‍👧',
  },
};

const SECRETS = {
  'a plain secret': `${aSecret('OPSCORE_WEBHOOK_SECRET')} with spaces and / $igns`,
  'a whsec_ secret': aSigningSecret('OPSCORE_WEBHOOK_SECRET'),
};

describe.each(Object.entries(SECRETS))('with %s', (_, webhookSecret) => {
  it('a receiver that only knows the HMAC and the stock package accept every webhook, and neither after one flipped byte', async () => {
    const { opscore, ...world } = await startWorld({}, { webhookSecret });
    for (const [name, metadata] of Object.entries(METADATA)) {
      const { agentId } = await world.register('http://127.0.0.1:9/', {
        agentName: `agent with ${name} metadata`,
        metadata,
      });
      await world.request('DELETE', `/v1/agents/${agentId}`);
      await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER', 'DEREGISTER']));
      for (const { agent_details } of opscore.events(agentId)) {
        expect(agent_details.metadata).toEqual(metadata ?? {});
      }
    }
    const { arrivals } = opscore;
    expect(arrivals.map(({ status }) => status)).toEqual(Array(10).fill(202));
    for (const arrival of arrivals) {
      expect(opscore.verify(arrival)).toEqual({ own: true, stock: true });
      expect(isCompactJson(arrival)).toBe(true);
      for (let index = 0; index < arrival.bytes.length; index += 1) {
        const flipped = { ...arrival, bytes: flip(arrival.bytes, index) };
        expect(opscore.verify(flipped), `byte ${String(index)}`).toEqual({
          own: false,
          stock: false,
        });
      }
    }
  });
});

it('a repeated webhook has the same id and bytes and a fresh timestamp that is signed', async () => {
  const { opscore, ...world } = await startWorld({ WEBHOOK_RETRY_SCHEDULE: '1500ms,1500ms' });
  opscore.fail = () => (opscore.arrivals.length === 1 ? 503 : undefined);
  const { agentId } = await world.register('http://127.0.0.1:9/');
  await eventually(() => expect(opscore.story(agentId)).toEqual(['REGISTER']));

  const [first, second] = opscore.arrivals as [OpscoreArrival, OpscoreArrival];
  expect(opscore.arrivals.map(({ status }) => status)).toEqual([503, 202]);
  expect(second.bytes).toEqual(first.bytes);
  expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
  const stamps = [first, second].map(({ headers }) => Number(headers['x-agentkit-timestamp']));
  expect(stamps[1]).toBeGreaterThan(stamps[0] as number);
  expect(Math.abs(Date.now() / 1000 - (stamps[1] as number))).toBeLessThan(300);
  const old = first.headers['x-agentkit-timestamp'];
  expect(
    opscore.verify({ ...second, headers: { ...second.headers, 'x-agentkit-timestamp': old } }).own,
  ).toBe(false);
});

it('what is not signed with the secret of Ops-Core is refused with 401, for good', async () => {
  const { opscore, ...world } = await startWorld({
    OPSCORE_WEBHOOK_SECRET: aSecret('OPSCORE_WEBHOOK_SECRET'),
  });
  const { agentId } = await world.register('http://127.0.0.1:9/');
  await eventually(() => expect(opscore.arrivals.map(({ status }) => status)).toEqual([401]));
  // The lane goes on after a dead letter: what comes next is tried as well.
  await world.request('DELETE', `/v1/agents/${agentId}`);
  await eventually(() => expect(opscore.arrivals.map(({ status }) => status)).toEqual([401, 401]));
  expect(opscore.events()).toEqual([]);
});

function flip(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] as number) ^ 1;
  return copy;
}

function isCompactJson({ bytes }: OpscoreArrival): boolean {
  const text = bytes.toString('utf8');
  return JSON.stringify(JSON.parse(text)) === text;
}
