import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newToken } from '../../src/auth/token.ts';
import { newSigningSecret } from '../../src/webhook/sign.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { CREDENTIAL, ORIGIN, RECORDING, SECRETS, type Place } from './recording.ts';
import { report } from './report.ts';
import { findLeaks } from './scan.ts';

const TEST = 'test/some.test.ts';

/** The folder of a run in which these secrets were put through and this was recorded. */
function aRun(
  secrets: Record<string, string> | (readonly [string, string])[],
  said: Partial<Record<Place, string | Buffer>>,
) {
  const folder = tempDir();
  const pairs = Array.isArray(secrets) ? secrets : Object.entries(secrets);
  const lines = pairs.map(([kind, value]) => `${JSON.stringify({ kind, value, test: TEST })}\n`);
  writeFileSync(join(folder, `1${SECRETS}`), lines.join(''));
  for (const [place, bytes] of Object.entries(said)) {
    const origin = JSON.stringify({ place, of: `a ${place}`, test: TEST });
    writeFileSync(join(folder, place + ORIGIN), origin);
    writeFileSync(join(folder, place + RECORDING), bytes);
  }
  return folder;
}

const KINDS: Record<string, string> = {
  'a text': `sentinel-text-${randomBytes(16).toString('hex')}`,
  'an API key': newToken('agk'),
  'an agent token': newToken('agt'),
  'a signing secret': newSigningSecret(),
  'an encryption key in base64': randomBytes(32).toString('base64'),
  'an encryption key in hexadecimal': randomBytes(32).toString('hex'),
  'a text with what JSON and URLs escape': `${randomBytes(9).toString('base64')}/+"\\ ü`,
};

describe('a leak is found', () => {
  it.each(Object.entries(KINDS))('of %s, in every place', (kind, secret) => {
    for (const place of ['log', 'answer', 'database'] as const) {
      const folder = aRun(KINDS, { [place]: `before ${secret} after` });
      const { leaks, secrets } = findLeaks(folder);
      expect(leaks).toEqual([
        {
          secret: { kind, test: TEST },
          origin: { place, of: `a ${place}`, test: TEST },
          excerpt: expect.stringContaining(`«${kind}»`) as string,
        },
      ]);
      expect(secrets).toBe(Object.keys(KINDS).length);
    }
  });

  const spellings: Record<string, (secret: string) => string> = {
    'in JSON': (secret) => JSON.stringify({ secret }),
    'in JSON with escaped slashes': (secret) => JSON.stringify({ secret }).replaceAll('/', '\\/'),
    'in a URL': (secret) => `https://h/?a=${encodeURIComponent(secret)}`,
    'in hexadecimal': (secret) => Buffer.from(secret).toString('hex'),
  };
  it.each(Object.entries(spellings))('%s', (_spelling, spell) => {
    for (const [kind, secret] of Object.entries(KINDS)) {
      const { leaks } = findLeaks(aRun(KINDS, { log: spell(secret) }));
      expect(leaks.map((leak) => leak.secret.kind)).toEqual([kind]);
    }
  });

  it('without the prefix, the checksum or the padding of its form', () => {
    const parts: Record<string, string | undefined> = {
      'a text': KINDS['a text']?.slice(-32),
      'an API key': KINDS['an API key']?.slice(4, -9),
      'a signing secret': KINDS['a signing secret']?.replace('whsec_', '').replace('=', ''),
    };
    for (const [kind, part] of Object.entries(parts)) {
      const { leaks } = findLeaks(aRun(KINDS, { log: part ?? '' }));
      expect(leaks.map(({ secret }) => secret.kind)).toEqual([kind]);
    }
  });

  it('as the bytes that a key stands for, raw or in another spelling', () => {
    for (const kind of ['an encryption key in base64', 'an encryption key in hexadecimal']) {
      const key = Buffer.from(KINDS[kind] ?? '', kind.endsWith('base64') ? 'base64' : 'hex');
      for (const said of [
        key,
        ...(['hex', 'base64', 'base64url'] as const).map((e) => key.toString(e)),
      ]) {
        const { leaks } = findLeaks(aRun({ [kind]: KINDS[kind] ?? '' }, { database: said }));
        expect(leaks).toHaveLength(1);
      }
    }
  });

  it('wherever it stands in a recording of many megabytes', () => {
    const [kind, secret] = ['an agent token', KINDS['an agent token'] ?? ''];
    const noise = 'nothing to see here '.repeat(250_000);
    for (const at of [0, (1 << 22) - 90, (1 << 22) - 50, (1 << 22) - 10, noise.length]) {
      const said = noise.slice(0, at) + secret + noise.slice(at);
      const { leaks, bytes } = findLeaks(aRun({ [kind]: secret }, { log: said }));
      expect(leaks).toHaveLength(1);
      expect(bytes).toBeGreaterThanOrEqual(said.length);
    }
  });

  it('in each place once, however often it is said there', () => {
    const secret = KINDS['a text'] ?? '';
    const folder = aRun(KINDS, { log: secret.repeat(100), answer: `${secret} ${secret}` });
    expect(
      findLeaks(folder)
        .leaks.map(({ origin }) => origin.place)
        .sort(),
    ).toEqual(['answer', 'log']);
  });
});

describe('no leak is', () => {
  it('a run that says other things', () => {
    const other = Object.values(KINDS).map((secret) => [...secret].reverse().join(''));
    const said = { log: other.join('\n'), answer: '{}', database: randomBytes(100_000) };
    expect(findLeaks(aRun(KINDS, said)).leaks).toEqual([]);
  });

  it('what is told of a key to know it by', () => {
    const key = KINDS['an API key'] ?? '';
    expect(findLeaks(aRun(KINDS, { answer: `{"prefix":"${key.slice(0, 8)}"}` })).leaks).toEqual([]);
  });

  it('a word, or a row of letters, that somebody tries as a key', () => {
    const tried = { word: 'letmein', row: 'x'.repeat(1_000) };
    const said = Object.values(tried).join(' ');
    const { leaks, secrets } = findLeaks(aRun(tried, { log: said }));
    expect([leaks, secrets]).toEqual([[], 0]);
  });
});

describe('a secret that was sent as a credential', () => {
  it('is called by what it is', () => {
    const key = KINDS['an API key'] ?? '';
    for (const kinds of [
      [CREDENTIAL, 'AGENTKIT_API_KEYS'],
      ['AGENTKIT_API_KEYS', CREDENTIAL],
    ]) {
      const folder = aRun(
        kinds.map((kind) => [kind, key] as const),
        { log: key },
      );
      expect(findLeaks(folder).leaks.map(({ secret }) => secret.kind)).toEqual([
        'AGENTKIT_API_KEYS',
      ]);
    }
  });
});

describe('the report', () => {
  it('says what leaked where in which test, and shows no secret', () => {
    const said = Object.values(KINDS).join(' and then ');
    const folder = aRun(KINDS, { log: said, answer: said });
    const text = report(findLeaks(folder).leaks);
    expect(text).toMatch(/^14 secrets in clear/);
    expect(text).toContain('an API key, in an answer: a answer\n    test file: test/some.test.ts');
    for (const secret of Object.values(KINDS)) {
      for (let at = 0; at + 12 <= secret.length; at += 1) {
        const piece = secret.slice(at, at + 12);
        // The names of kinds and what all secrets of one form begin with tell nothing.
        if (!secret.startsWith('sentinel') || at > 14) expect(text).not.toContain(piece);
      }
    }
  });
});
