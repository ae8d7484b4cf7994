import { SHORTEST } from './search.ts';

/**
 * Of what has a form (src/auth/token.ts, src/webhook/sign.ts, test/helpers/secrets.ts) the random part is sought: the
 * secret is out without its prefix as well.
 */
const FORMS = [/^ag[kt]_([\w-]{43})_[0-9a-f]{8}$/, /^whsec_(.+)$/, /^sentinel-.*-([0-9a-f]{32})$/];
/** `xxxxxxxxxxxxxxxxxxxx` is sent as a credential by a test, and as something else by another. */
const FEWEST_LETTERS = 8;
const BASE64 = /^[A-Za-z0-9+/]{22,}$/;
const HEX = /^(?:[0-9a-f]{2}){16,}$/i;

/**
 * The bytes by which a secret is recognised: as it is, as JSON and URLs write it, and in hexadecimal, as PostgreSQL
 * shows bytes; of what stands for bytes also these, raw and in base64. What is shorter than any secret of ours, or says
 * little, is found by chance, so it is not sought.
 */
export function soughtOf(secret: string): Uint8Array[] {
  const text = FORMS.map((form) => form.exec(secret)?.[1]).find((part) => part !== undefined);
  const core = unpadded(text ?? secret);
  if (Buffer.byteLength(core) < SHORTEST || new Set(core).size < FEWEST_LETTERS) return [];
  const json = JSON.stringify(core).slice(1, -1);
  const spellings = new Set([
    ...[core, json, json.replaceAll('/', '\\/'), encodeURIComponent(core)],
    Buffer.from(core).toString('hex'),
  ]);
  const bytes: Buffer[] = [];
  if (HEX.test(core)) bytes.push(Buffer.from(core, 'hex'));
  if (BASE64.test(core)) bytes.push(Buffer.from(core, 'base64'));
  for (const key of bytes) {
    spellings.add(key.toString('hex'));
    spellings.add(unpadded(key.toString('base64')));
    spellings.add(key.toString('base64url'));
  }
  return [...[...spellings].map((spelling) => Buffer.from(spelling)), ...bytes].filter(
    ({ length }) => length >= SHORTEST,
  );
}

/** Whoever cuts off the padding of base64 has not cut off any of the key. */
function unpadded(base64: string): string {
  return base64.replace(/=+$/, '');
}
