import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { verifySignature, type HeaderSource } from '../../src/sdk/index.ts';
import * as dispatch from './helpers/dispatch.ts';

// The first is the published vector of the Standard Webhooks reference libraries. The others were computed with
// OpenSSL 3, which shares no code with ours:
//   printf '%s' "$TIMESTAMP.$BODY" | openssl dgst -sha256 -hmac "$SECRET"
//   printf '%s' "$ID.$TIMESTAMP.$BODY" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64
//   and for whsec_: -mac HMAC -macopt hexkey:$(printf '%s' "${SECRET#whsec_}" | base64 -d | xxd -p)
const WHSEC = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const PLAIN = 'plain secret é';
const STAMP = 1614265330;
const REGISTER = '{"event_type":"REGISTER","agent_details":{"metadata":{}}}';
const TASK = '{"task_name":"grüße"}';

const vectors = [
  {
    name: 'the published vector',
    secret: WHSEC,
    at: STAMP,
    body: '{"test": 2432232314}',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  },
  {
    name: 'the hex header, whose key is the whole secret',
    secret: WHSEC,
    at: STAMP,
    body: TASK,
    headers: {
      'x-agentkit-timestamp': '1614265330',
      'x-agentkit-signature': 'fa54e13d3c8926a2d546f62f94c95b2da086ef71d9c9003d85e378d69f4e6d48',
    },
    id: undefined,
  },
  {
    name: 'both sets with a whsec_ secret',
    secret: WHSEC,
    at: STAMP,
    body: TASK,
    headers: {
      'x-agentkit-timestamp': '1614265330',
      'x-agentkit-signature': 'fa54e13d3c8926a2d546f62f94c95b2da086ef71d9c9003d85e378d69f4e6d48',
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,fC7jmr9/rEX2nMqg3H7x9EkhEHd6bY3YjQPajrk+Srs=',
    },
    id: 'msg_1',
  },
  {
    name: 'both sets with a secret that is plain text',
    secret: PLAIN,
    at: 1700000000,
    body: REGISTER,
    headers: {
      'x-agentkit-timestamp': '1700000000',
      'x-agentkit-signature': '5c2416e216697428397e7e6089ff1a38f1dbdf90a981a444df01308d7de05eeb',
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': 'v1,EWOjJGT91OYqxYKaifGhMmi5YvaLb5g5V5bybDe7ZJk=',
    },
    id: 'msg_1',
  },
];

const withKnownSecret =
  (sign: typeof dispatch.hexHeaders): typeof dispatch.hexHeaders =>
  (body, options) =>
    sign(body, { secret: WHSEC, ...options });
const hexHeaders = withKnownSecret(dispatch.hexHeaders);
const standardHeaders = withKnownSecret(dispatch.standardHeaders);

const both = vectors[2] as (typeof vectors)[number];
const OLD = 'whsec_b2xkIHNlY3JldA==';

/** What the service sends during a rotation from OLD to WHSEC. */
function rotating(hexSecret: string): Record<string, string> {
  const [next, old] = [WHSEC, OLD].map(
    (secret) => standardHeaders(TASK, { timestamp: STAMP, secret })['webhook-signature'] ?? '',
  );
  return {
    ...standardHeaders(TASK, { timestamp: STAMP }),
    ...hexHeaders(TASK, { timestamp: STAMP, secret: hexSecret }),
    'webhook-signature': `${next ?? ''} ${old ?? ''}`,
  };
}

function verify(
  headers: HeaderSource,
  options: Partial<Parameters<typeof verifySignature>[0]> = {},
): string {
  const result = verifySignature({
    body: both.body,
    secret: both.secret,
    now: () => both.at * 1000,
    headers,
    ...options,
  });
  return result.ok ? 'ok' : result.reason;
}

describe('verifySignature accepts', () => {
  it.each(vectors)('$name', ({ secret, at, body, headers, id }) => {
    const now = () => at * 1000;
    for (const given of [body, Buffer.from(body), new Uint8Array(Buffer.from(body))]) {
      expect(verifySignature({ body: given, headers, secret, now })).toEqual({
        ok: true,
        id,
        timestamp: at,
      });
    }
  });

  it('headers of fetch, of node:http and of any case', () => {
    expect(verify(new Headers(both.headers))).toBe('ok');
    const upper = Object.entries(both.headers).map(([name, value]) => [name.toUpperCase(), value]);
    expect(verify(Object.fromEntries(upper) as Record<string, string>)).toBe('ok');
    const lists = Object.entries(both.headers).map(([name, value]) => [name, [value]]);
    expect(verify(Object.fromEntries(lists) as Record<string, string[]>)).toBe('ok');
  });

  it('what the stock library signs, and signs what it accepts', () => {
    const stock = new Webhook(WHSEC);
    const now = new Date();
    const headers = {
      'webhook-id': 'msg_2',
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': stock.sign('msg_2', now, TASK),
    };
    expect(verifySignature({ body: TASK, headers, secret: WHSEC })).toMatchObject({ ok: true });
    expect(stock.verify(TASK, standardHeaders(TASK, { id: 'msg_2' }))).toEqual(JSON.parse(TASK));
  });

  it('during a rotation: both sign the standard header, either one the hex header, and one is known', () => {
    for (const hexSecret of [OLD, WHSEC]) {
      const headers = rotating(hexSecret);
      for (const secret of [OLD, WHSEC, [OLD, WHSEC], [WHSEC, OLD], ['other', OLD]]) {
        expect(verify(headers, { secret })).toBe('ok');
      }
      expect(verify(headers, { secret: 'whsec_b3RoZXI=' })).toBe('signature_mismatch');
    }
  });

  it('after a rotation the new secret alone', () => {
    const after = both.headers;
    expect(verify(after, { secret: [OLD, WHSEC] })).toBe('ok');
    expect(verify(after, { secret: OLD })).toBe('signature_mismatch');
  });
});

describe('verifySignature refuses', () => {
  it('a body with any byte altered, cut or added', () => {
    const bytes = Buffer.from(both.body);
    for (let at = 0; at < bytes.length; at += 1) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(verify(both.headers, { body: altered })).toBe('signature_mismatch');
    }
    expect(verify(both.headers, { body: bytes.subarray(1) })).toBe('signature_mismatch');
    expect(verify(both.headers, { body: `${both.body} ` })).toBe('signature_mismatch');
    expect(verify(both.headers, { body: '' })).toBe('signature_mismatch');
  });

  it('headers with any one bit of any character altered', () => {
    const { 'x-agentkit-signature': hexSignature, ...judged } = both.headers;
    // Beside the standard set the hex signature is not judged; alone it is.
    const hexAlone = {
      'x-agentkit-timestamp': judged['x-agentkit-timestamp'] ?? '',
      'x-agentkit-signature': hexSignature ?? '',
    };
    for (const headers of [judged, hexAlone]) {
      for (const [name, value] of Object.entries(headers)) {
        for (let at = 0; at < value.length; at += 1) {
          for (let bit = 0; bit < 7; bit += 1) {
            const code = value.charCodeAt(at) ^ (1 << bit);
            const altered = value.slice(0, at) + String.fromCharCode(code) + value.slice(at + 1);
            expect(verify({ ...headers, [name]: altered }), `${name}: ${altered}`).not.toBe('ok');
          }
        }
      }
    }
  });

  it('a standard set that is wrong or half, whatever the hex set says', () => {
    const hex = hexHeaders(TASK, { timestamp: STAMP });
    const standard = standardHeaders(TASK, { timestamp: STAMP });
    expect(verify({ ...hex, ...standard, 'webhook-id': 'msg_2' })).toBe('signature_mismatch');
    expect(verify({ ...hex, ...standard, 'webhook-id': '' })).toBe('missing_signature');
    for (const name of Object.keys(standard)) {
      const rest = Object.entries(standard).filter(([key]) => key !== name);
      expect(verify({ ...hex, ...Object.fromEntries(rest) }), name).toBe('missing_signature');
    }
  });

  it('a body that was parsed and written again', () => {
    const body = '{ "a": 1.0 }';
    const headers = hexHeaders(body, { timestamp: STAMP });
    expect(verify(headers, { body })).toBe('ok');
    expect(verify(headers, { body: JSON.stringify(JSON.parse(body)) })).toBe('signature_mismatch');
    const parsed = JSON.parse(body) as string;
    expect(verify(headers, { body: parsed })).toBe('body_not_raw');
  });

  it('a timestamp out of tolerance, on either side, to the second', () => {
    const at = (seconds: number, toleranceSeconds?: number) =>
      verify(both.headers, { now: () => (both.at + seconds) * 1000, toleranceSeconds });
    expect([at(300), at(-300)]).toEqual(['ok', 'ok']);
    expect(at(301)).toBe('timestamp_out_of_tolerance');
    expect(at(-301)).toBe('timestamp_out_of_tolerance');
    expect([at(10, 10), at(11, 10)]).toEqual(['ok', 'timestamp_out_of_tolerance']);
    expect(at(0, Number.NaN)).toBe('timestamp_out_of_tolerance');
    expect(at(Number.NaN)).toBe('timestamp_out_of_tolerance');
  });

  it.each(['', ' 1614265330', '1614265330.0', '1.614265330e9', '+1614265330', '01614265330'])(
    'the timestamp %j though it is signed',
    (stamp) => {
      const timestamp = stamp as unknown as number;
      for (const headers of [
        hexHeaders(TASK, { timestamp }),
        standardHeaders(TASK, { timestamp }),
      ]) {
        expect(['bad_timestamp', 'missing_signature']).toContain(verify(headers));
      }
    },
  );

  it('sets that are right each but were signed at different times', () => {
    const headers = {
      ...hexHeaders(TASK, { timestamp: STAMP }),
      ...standardHeaders(TASK, { timestamp: STAMP + 1 }),
    };
    expect(verify(headers)).toBe('bad_timestamp');
  });

  it('no signature at all, and each set that lacks a header', () => {
    expect(verify({})).toBe('missing_signature');
    expect(verify({ 'content-type': 'application/json' })).toBe('missing_signature');
    for (const set of [
      hexHeaders(TASK, { timestamp: STAMP }),
      standardHeaders(TASK, { timestamp: STAMP }),
    ]) {
      for (const name of Object.keys(set)) {
        const rest = Object.entries(set).filter(([key]) => key !== name);
        expect(verify(Object.fromEntries(rest)), name).toBe('missing_signature');
      }
    }
  });

  it.each([[''], [[]], [['', ' ']], ['whsec_'], [undefined as unknown as string]])(
    'everything when the secret is %j',
    (secret) => {
      const signedWithNothing = hexHeaders(TASK, { timestamp: STAMP, secret: '' });
      expect(verify(signedWithNothing, { secret })).toBe('no_secret');
    },
  );

  it('an empty secret beside a good one: it is no key', () => {
    const signedWithNothing = hexHeaders(TASK, { timestamp: STAMP, secret: '' });
    expect(verify(signedWithNothing, { secret: ['', WHSEC] })).toBe('signature_mismatch');
    const empty = standardHeaders(TASK, { timestamp: STAMP, secret: '' });
    expect(verify(empty, { secret: ['whsec_!', WHSEC] })).toBe('signature_mismatch');
  });

  it('hostile headers, without throwing', () => {
    const hex = (value: unknown) =>
      ({
        ...hexHeaders(TASK, { timestamp: STAMP }),
        'x-agentkit-signature': value,
      }) as HeaderSource;
    const good = hexHeaders(TASK, { timestamp: STAMP })['x-agentkit-signature'] ?? '';
    for (const value of ['00', 'z'.repeat(64), 'é'.repeat(64), good.toUpperCase(), `${good}00`]) {
      expect(verify(hex(value))).toBe('signature_mismatch');
    }
    for (const value of [[good, good], [], 5, null, {}, [[good]]]) {
      expect(verify(hex(value))).not.toBe('ok');
    }
    const standard = standardHeaders(TASK, { timestamp: STAMP });
    for (const value of ['v1', 'v1,', 'v1,%%', 'v2,aaaa', ' ', ','.repeat(9000), 'v1a,x v1,é']) {
      expect(verify({ ...standard, 'webhook-signature': value })).not.toBe('ok');
    }
    // The same header in two spellings: two readers might pick different ones.
    expect(verify({ ...hex(good), 'X-AgentKit-Signature': good })).not.toBe('ok');
    for (const name of ['Webhook-Id', 'Webhook-Signature', 'X-AgentKit-Timestamp']) {
      const again = both.headers[name.toLowerCase() as keyof typeof both.headers];
      expect(verify({ ...both.headers, [name]: again })).not.toBe('ok');
    }
    for (const headers of [null, undefined, 'x', 5, []]) {
      expect(verify(headers as unknown as HeaderSource)).toBe('missing_signature');
    }
  });
});
