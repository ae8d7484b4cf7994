import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a token is for is told by its prefix, so that one found in a log or a repository can be recognised. */
export type TokenPrefix = 'agk' | 'agt';

const FORM = /^(agk|agt)_([A-Za-z0-9_-]{43})_([0-9a-f]{8})$/;

/** A new token: prefix, 256 random bits, checksum; `agk` = API key, `agt` = agent token. */
export function newToken(prefix: TokenPrefix): string {
  const random = `${prefix}_${randomBytes(32).toString('base64url')}`;
  return `${random}_${checksum(random)}`;
}

/** Whether a text has our form but was mistyped: its checksum does not fit. Other texts may be keys of the operator's. */
export function isMistyped(token: string): boolean {
  if (!/^ag[kt]_/.test(token)) return false;
  const match = FORM.exec(token);
  return match === null || checksum(`${match[1]}_${match[2]}`) !== match[3];
}

/** The start of a token, by which people tell tokens apart; it gives nothing away. */
export function displayPrefix(token: string): string {
  return FORM.test(token)
    ? token.slice(0, 8)
    : `${token.slice(0, Math.min(4, token.length >> 2))}…`;
}

/** Only this is kept of a token. 256 random bits need no slow hash. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Compares two hashes in constant time; they have one length, whatever the tokens had. */
export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')];
  return left.length === right.length && timingSafeEqual(left, right);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
