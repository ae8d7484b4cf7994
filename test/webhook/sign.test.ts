import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newSigningSecret, signatureHeaders, signingSecrets } from '../../src/webhook/sign.ts';

// Computed apart from the code under test:
//
//   python3 - <<'E'
//   import hmac, hashlib, base64
//   body = '{"event_type":"REGISTER","agent_details":{"agentName":"Zo\u00eb \U0001F680"}}'.encode()
//   for secret, key in [('plain-secret-\u00fc', 'plain-secret-\u00fc'.encode()),
//                       ('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', base64.b64decode('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'))]:
//       print(hmac.new(secret.encode(), b'1767225600.' + body, hashlib.sha256).hexdigest())
//       print(base64.b64encode(hmac.new(key, b'msg_01.1767225600.' + body, hashlib.sha256).digest()).decode())
//   E
const BODY = Buffer.from('{"event_type":"REGISTER","agent_details":{"agentName":"Zoë 🚀"}}');
const VECTORS = [
  {
    kind: 'a plain secret',
    secret: 'plain-secret-ü',
    hex: '73314bb2d3b7c0fcde2eb94fd14f0e8b509700baa1f443687ca86c40e73896b6',
    base64: 'tiYxvFbLq0IQ2smDmksmnv6sJi2iEj79UvvnVRYaDvg=',
  },
  {
    kind: 'a whsec_ secret',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    hex: '1816f7e2a5e59a2c3ff05cb077c1f33f6a05ac0829bcccff9f9060b06f4fe6e1',
    base64: 'qp9Lf3CCYRuOgBS5RBljPdMkevdo42ZDHOTg9Rz7jKE=',
  },
];

/** The stock library refuses what is older than five minutes, so these are signed now. */
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** No rotation is under way. */
const only = (secret: string) => signingSecrets(secret, null, 0);

/** How a receiver with a plain secret configures the stock library: its bytes are the key. */
function stockVerifier(secret: string): Webhook {
  return secret.startsWith('whsec_')
    ? new Webhook(secret)
    : new Webhook(Buffer.from(secret), { format: 'raw' });
}

describe('signatureHeaders', () => {
  it.each(VECTORS)('signs with $kind as an independent HMAC does', ({ secret, hex, base64 }) => {
    expect(signatureHeaders(only(secret), 'msg_01', 1767225600, BODY)).toEqual({
      'x-agentkit-timestamp': '1767225600',
      'x-agentkit-signature': hex,
      'webhook-id': 'msg_01',
      'webhook-timestamp': '1767225600',
      'webhook-signature': `v1,${base64}`,
    });
  });

  it('agrees with the vector that Svix publishes for Standard Webhooks', () => {
    // https://docs.svix.com/receiving/verifying-payloads/how-manual
    const headers = signatureHeaders(
      only('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      Buffer.from('{"test": 2432232314}'),
    );
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it.each(VECTORS)('is accepted by the stock npm package, with $kind', ({ secret }) => {
    const headers = signatureHeaders(only(secret), 'msg_01', nowSeconds(), BODY);
    expect(stockVerifier(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY.toString()));
  });

  it.each(VECTORS)('is refused by it after any flipped bit of the body, with $kind', (vector) => {
    const headers = signatureHeaders(only(vector.secret), 'msg_01', nowSeconds(), BODY);
    const verifier = stockVerifier(vector.secret);
    for (let at = 0; at < BODY.length; at += 1) {
      const forged = Buffer.from(BODY);
      forged[at] = (forged[at] as number) ^ (1 << (at % 8));
      expect(() => verifier.verify(forged, headers), `byte ${at}`).toThrow('No matching signature');
    }
  });

  it('is refused by it with another id, time or secret', () => {
    const secret = VECTORS[1]?.secret ?? '';
    const now = nowSeconds();
    const headers = signatureHeaders(only(secret), 'msg_01', now, BODY);
    const verifier = stockVerifier(secret);
    const refused = /No matching signature/;
    expect(() => verifier.verify(BODY, { ...headers, 'webhook-id': 'msg_02' })).toThrow(refused);
    const later = { ...headers, 'webhook-timestamp': String(now + 1) };
    expect(() => verifier.verify(BODY, later)).toThrow(refused);
    expect(() => stockVerifier(newSigningSecret()).verify(BODY, headers)).toThrow(refused);
  });

  it('is accepted by it for any bytes', () => {
    const secret = newSigningSecret();
    const verifier = stockVerifier(secret);
    fc.assert(
      fc.property(fc.json(), fc.uuid(), (json, id) => {
        const body = Buffer.from(json);
        const headers = signatureHeaders(only(secret), id, nowSeconds(), body);
        verifier.verify(body, headers, { jsonParse: false });
      }),
    );
  });
});

describe('while a secret is being replaced', () => {
  const [plain, whsec] = VECTORS.map(({ secret }) => secret);
  const [old = '', current = ''] = [plain, whsec];
  const at = (now: number, hexUntil = 0) =>
    signingSecrets(current, { secret: old, until: 5_000, hexUntil }, now);

  it('both sign for the overlap, the new one first, and each of them verifies', () => {
    const headers = signatureHeaders(at(4_999), 'msg_01', nowSeconds(), BODY);
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const secret of [old, current]) stockVerifier(secret).verify(BODY, headers);
    const alone = signatureHeaders(only(current), 'msg_01', nowSeconds(), BODY);
    expect(headers['webhook-signature']).toContain(`${alone['webhook-signature']} `);
  });

  it('the hex header, which holds one, changes when it was said to', () => {
    const hexOf = (now: number) =>
      signatureHeaders(at(now, 3_000), 'msg_01', 1767225600, BODY)['x-agentkit-signature'];
    expect(hexOf(2_999)).toBe(VECTORS[0]?.hex);
    expect(hexOf(3_000)).toBe(VECTORS[1]?.hex);
  });

  it('the old one is done with at the end of the overlap, whatever was said of the hex header', () => {
    expect(at(5_000, 9_000)).toEqual(only(current));
  });
});

describe('newSigningSecret', () => {
  it('is 256 random bits as Standard Webhooks writes them', () => {
    const secret = newSigningSecret();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(newSigningSecret()).not.toBe(secret);
  });
});
