import { describe, expect, it, onTestFinished } from 'vitest';
import { newToken } from '../../src/auth/token.ts';
import { createHttpAgent, createSender } from '../../src/dispatcher/send.ts';
import { configuredSecrets, createRedactor } from '../../src/dispatcher/redact.ts';
import { newSigningSecret } from '../../src/webhook/sign.ts';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config/config.ts';
import { startReceiver } from './helpers/servers.ts';

const SECRET = 'pa/ss"wo\\rd+with=all&of it';

describe('what is taken out of an answer', () => {
  const redact = createRedactor([SECRET, 'abcdefgh', 'abcdefgh-and-more', 'short', 'x']);

  it.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify({ key: SECRET })],
    ['in JSON with escaped slashes', JSON.stringify({ key: SECRET }).replaceAll('/', '\\/')],
    ['in a URL', `https://core.test/?key=${encodeURIComponent(SECRET)}`],
    ['more than once', `${SECRET},${SECRET}`],
  ])('a configured secret %s', (_where, text) => {
    const redacted = redact(text);
    expect(redacted).toContain('[redacted]');
    expect(redacted).not.toMatch(/pa|wo|rd|with/);
  });

  it('the longer of two secrets that begin alike', () => {
    expect(redact('abcdefgh-and-more abcdefgh')).toBe('[redacted] [redacted]');
  });

  it('keys, agent tokens and signing secrets of whatever agent', () => {
    for (const secret of [newToken('agk'), newToken('agt'), newSigningSecret()]) {
      const text = `{"authorization":"Bearer ${secret}"}`;
      expect(redact(text)).toBe('{"authorization":"Bearer [redacted]"}');
      expect(redact(text.replaceAll('/', '\\/'))).not.toContain(secret.slice(20, 24));
      expect(redact(encodeURIComponent(text))).not.toContain(secret.slice(6, 20));
    }
  });

  it('nothing else, and no word because somebody chose a short secret', () => {
    const text = 'x short agt_ whsec_ {"ok":true} \u00e9 "whsec_tooShort"';
    expect(redact(text)).toBe(text);
  });
});

describe('every secret that the service was configured with', () => {
  const secrets: Record<string, string> = {
    OPSCORE_WEBHOOK_SECRET: 'secret-of-the-webhook',
    OPSCORE_WEBHOOK_SECRET_PREVIOUS: 'secret-of-the-webhook-before',
    OPSCORE_API_KEY: 'key-of-ops-core',
    AGENTKIT_API_KEYS: 'a:admin:key-of-the-admin',
    AGENTKIT_ENCRYPTION_KEY: 'ab'.repeat(32),
  };
  const urls = { OPSCORE_WEBHOOK_URL: 'http://core.test/', OPSCORE_API_URL: 'http://core.test/' };

  it.each([
    ['sqlite:./a.db', []],
    ['postgres://service:p%40ssword-of-it@db.test/agentkit', ['p@ssword-of-it']],
    ['postgres://service:100%-secret@db.test/agentkit', ['100%-secret']],
    ['postgres://service@db.test/agentkit?password=p%40ssword-of-it', ['p@ssword-of-it']],
  ])('is taken out, the password in %s among them', (url, passwords) => {
    const config = loadConfig({ ...secrets, ...urls, DATABASE_URL: url });
    const values = Object.values(secrets).map((value) => value.replace(/^.*:/, ''));
    const known = configuredSecrets(config);
    expect(known).toEqual(expect.arrayContaining([...values, ...passwords]));
    const redact = createRedactor(known);
    for (const value of [...values, ...passwords]) expect(redact(value)).toBe('[redacted]');
  });
});

describe('an excerpt', () => {
  async function excerpt(body: string): Promise<string> {
    const receiver = await startReceiver(() => ({ body }));
    const http = createHttpAgent();
    onTestFinished(() => http.close());
    const sender = createSender(http, systemClock(), createRedactor([SECRET]));
    const result = await sender.send({
      url: receiver.url,
      headers: {},
      body: Buffer.from('{}'),
      timeoutMs: 5_000,
    });
    return result.responseExcerpt ?? '';
  }

  it('does not keep the half of a secret where it is cut', async () => {
    for (const before of [4_096 - 1, 4_096 - 10, 4_096 - SECRET.length + 1]) {
      const text = await excerpt('.'.repeat(before) + SECRET + '.'.repeat(5_000));
      expect(Buffer.byteLength(text)).toBe(4_096);
      expect(text).toBe(`${'.'.repeat(before)}[redacted]${'.'.repeat(4_096)}`.slice(0, 4_096));
    }
  });

  it('has 4 KiB at the most, whatever the answer is made of', async () => {
    expect(await excerpt('short')).toBe('short');
    expect(await excerpt('')).toBe('');
    const euros = await excerpt('\u20ac'.repeat(3_000));
    expect(euros).toBe('\u20ac'.repeat(Math.floor(4_096 / 3)));
    expect(Buffer.byteLength(await excerpt('\ud83d\ude00'.repeat(3_000)))).toBe(4_096);
  });
});
