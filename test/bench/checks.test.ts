import { describe, expect, it } from 'vitest';
import { checkAccepted, checkDelivered } from '../../bench/scenarios/checks.ts';
import type { SinkRecord } from '../../bench/sink/sink.ts';
import { newSigningSecret, signatureHeaders } from '../../src/webhook/sign.ts';

const secret = newSigningSecret();

/** What the sink kept of one dispatch, signed by `by`. */
function sampleBy(by: string, body = '{"task_name":"t"}') {
  const secrets = { hex: by, standard: [by] };
  const headers = signatureHeaders(
    secrets,
    'id-1',
    Math.floor(Date.now() / 1000),
    Buffer.from(body),
  );
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return {
    head: ['POST /tasks HTTP/1.1', ...lines].join('\r\n'),
    body: Buffer.from(body).toString('base64'),
    at: Date.now(),
  };
}

const record = (changes: Partial<SinkRecord> = {}): SinkRecord => ({
  ...{ arrived: 10, distinct: 10, firstAt: 1, lastAt: 2, latencies: [] },
  samples: [sampleBy(secret)],
  ...changes,
});

describe('what a measurement has to pass', () => {
  it('takes what arrived once, well signed', () => {
    checkDelivered('x', record(), 10, ['whsec_b3RoZXI=', secret]);
  });

  it('refuses what was lost, and what came twice', () => {
    expect(() => checkDelivered('x', record({ arrived: 9, distinct: 9 }), 10, [secret])).toThrow(
      /10 accepted, 9 arrived/,
    );
    expect(() => checkDelivered('x', record({ arrived: 11 }), 10, [secret])).toThrow(/11 arrived/);
    expect(() => checkDelivered('x', record({ distinct: 9 }), 10, [secret])).toThrow(/9 distinct/);
  });

  it('refuses a dispatch with another signature, or none', () => {
    const another = record({ samples: [sampleBy(newSigningSecret())] });
    expect(() => checkDelivered('x', another, 10, [secret])).toThrow(/wrong signature/);
    const changed = {
      ...sampleBy(secret),
      body: Buffer.from('{"task_name":"u"}').toString('base64'),
    };
    expect(() => checkDelivered('x', record({ samples: [changed] }), 10, [secret])).toThrow(
      /wrong signature/,
    );
    const unsigned = { head: 'POST /tasks HTTP/1.1', body: '', at: Date.now() };
    expect(() => checkDelivered('x', record({ samples: [unsigned] }), 10, [secret])).toThrow(
      /wrong signature/,
    );
  });

  it('refuses a signature that is a minute old', () => {
    const old = record({ samples: [{ ...sampleBy(secret), at: Date.now() + 62_000 }] });
    expect(() => checkDelivered('x', old, 10, [secret])).toThrow(/wrong signature/);
  });

  it('refuses an accepted count that the load generator does not confirm', () => {
    const result = { requests: 1_000, seconds: 1, failed: 0, p50: 1, p99: 1 };
    checkAccepted('x', result, 1_064, 64);
    expect(() => checkAccepted('x', result, 999, 64)).toThrow(/1000 answered, 999 accepted/);
    expect(() => checkAccepted('x', result, 1_129, 64)).toThrow(/1129 accepted/);
    expect(() => checkAccepted('x', { ...result, failed: 1 }, 1_000, 64)).toThrow(/1 requests/);
  });
});
