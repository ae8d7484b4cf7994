import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { webhookDelivery } from '../../src/webhook/event.ts';
import { anyObject } from '../helpers/any-text.ts';
import { anAgent } from '../helpers/records.ts';

const agent = anAgent({
  agentId: '0197b7a0-0000-7000-8000-000000000001',
  agentName: 'summarizer',
  version: '1.2.3',
  capabilities: ['summarize', 'translate'],
  contactEndpoint: 'http://127.0.0.1:9000/tasks?a=b',
  metadata: { team: 'docs' },
});

const textOf = (...args: Parameters<typeof webhookDelivery>) =>
  Buffer.from(webhookDelivery(...args).body).toString('utf8');

describe('the body of a lifecycle webhook (contract section 3)', () => {
  it('is compact JSON with exactly these keys, in this order', () => {
    expect(textOf('REGISTER', agent, 0)).toBe(
      '{"event_type":"REGISTER","agent_details":{' +
        '"agentId":"0197b7a0-0000-7000-8000-000000000001","agentName":"summarizer","version":"1.2.3",' +
        '"capabilities":["summarize","translate"],"contactEndpoint":"http://127.0.0.1:9000/tasks?a=b",' +
        '"metadata":{"team":"docs"}}}',
    );
  });

  it('differs in the event alone when the agent leaves', () => {
    expect(textOf('DEREGISTER', agent, 0)).toBe(
      textOf('REGISTER', agent, 0).replace('"REGISTER"', '"DEREGISTER"'),
    );
  });

  it('says {} and [] when nothing was given', () => {
    const bare = anAgent({ metadata: {}, capabilities: [] });
    expect(textOf('REGISTER', bare, 0)).toContain('"capabilities":[]');
    expect(textOf('REGISTER', bare, 0)).toContain('"metadata":{}}}');
  });

  it('writes Unicode as UTF-8, not as escapes', () => {
    const poet = anAgent({ agentName: 'Zoë 🚀', metadata: { ключ: '値' } });
    expect(textOf('REGISTER', poet, 0)).toContain('"agentName":"Zoë 🚀"');
    expect(textOf('REGISTER', poet, 0)).toContain('"metadata":{"ключ":"値"}');
  });

  it('keeps any metadata whole, however nested', () => {
    fc.assert(
      fc.property(anyObject, (metadata) => {
        const body = JSON.parse(textOf('REGISTER', anAgent({ metadata }), 0)) as {
          agent_details: { metadata: unknown };
        };
        // -0 is 0 in JSON.
        expect(JSON.stringify(body.agent_details.metadata)).toBe(JSON.stringify(metadata));
      }),
    );
  });

  it('never carries the signing secret', () => {
    expect(textOf('REGISTER', agent, 0)).not.toContain(agent.signingSecret);
  });
});

it('an event is due at once, in the lane of its agent, under an id of its own', () => {
  const event = webhookDelivery('REGISTER', agent, 5_000);
  expect(event).toMatchObject({
    kind: 'webhook',
    name: 'REGISTER',
    agentId: agent.agentId,
    lane: `webhook:${agent.agentId}`,
    createdAt: 5_000,
    dueAt: 5_000,
  });
  expect(event.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  expect(webhookDelivery('REGISTER', agent, 5_000).id).not.toBe(event.id);
});
