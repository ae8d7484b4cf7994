import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ApiError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's bytes as they came: what an agent gets, and what an Idempotency-Key is compared by. */
    bodyBytes: Buffer;
  }
}

/** Parsing takes half a million levels, but what recurses into the value afterwards dies at 5,000. */
const MAX_DEPTH = 100;

/**
 * Bytes. Of a larger body the depth is judged before it is parsed: 1 MiB of brackets takes 40 ms to parse, this many 2. Of
 * a smaller one it is judged by the value: most bytes are in strings, and to find their ends takes half as long as parsing.
 */
const LARGE = 65_536;

const KINDS = new Uint8Array(256);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPENS, CLOSES, QUOTES] = [1, 2, 3];
for (const bracket of '[{') KINDS[bracket.charCodeAt(0)] = OPENS;
for (const bracket of ']}') KINDS[bracket.charCodeAt(0)] = CLOSES;
KINDS[QUOTE] = QUOTES;

const COMPRESSED = 'Compressed bodies are not taken: send the JSON as it is.';

/** The one content type of the API: JSON, as bytes and as value, nothing coerced, nothing dropped. */
export const jsonBody = fp((app: FastifyInstance, _options: unknown, done: () => void) => {
  // null only until a body was parsed; a route with a body schema never sees it.
  app.decorateRequest('bodyBytes', null as never);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, bytes: Buffer, next) => {
      try {
        request.bodyBytes = bytes;
        next(null, parseJson(bytes));
      } catch (error) {
        next(error as ApiError);
      }
    },
  );
  app.addHook('onRequest', (request, _reply, next) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') next();
    else next(new ApiError('unsupported_media_type', { message: COMPRESSED }));
  });
  app.addHook('preValidation', (request, _reply, next) => {
    if (request.body !== undefined || request.routeOptions.schema?.body === undefined) next();
    else next(malformed('The request has no body: send a JSON object as application/json.'));
  });
  done();
});

/**
 * @returns undefined for an empty body: whether a route wants one is its schema's business.
 * @throws ApiError malformed_json.
 */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8.');
  const large = bytes.length > LARGE;
  if (large && nestsTooDeep(bytes)) throw tooDeep();
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`The body is not valid JSON${placeOf(error)}.`);
  }
  if (!large && isTooDeep(value, MAX_DEPTH)) throw tooDeep();
  // `__proto__` as a key has no honest use, and poisons whatever copies the object.
  if (MAY_SPELL_PROTO.test(text) && hasProto(value)) {
    throw malformed('The body has a key named __proto__, which is not taken.');
  }
  return value;
}

/** The name itself, or one of its letters escaped, which no serializer does: only then are the keys looked at. */
const MAY_SPELL_PROTO = /__proto__|\\u00(?:5f|6f|7[024])/i;

function tooDeep(): ApiError {
  return malformed(`The body is nested deeper than ${MAX_DEPTH} levels.`);
}

/** By the bytes, be they valid JSON or not. */
function nestsTooDeep(bytes: Buffer): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const kind = KINDS[bytes[at] ?? 0];
    if (kind === OPENS) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (kind === CLOSES) depth -= 1;
    else if (kind === QUOTES) at = endOfString(bytes, at + 1);
  }
  return false;
}

/** Where the string ends whose content begins at `start`; past the end where it does not. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Recurses no further than the depth that is allowed. */
function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const element of value) if (isTooDeep(element, levels - 1)) return true;
    return false;
  }
  for (const key in value) {
    if (isTooDeep((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}

/** Of a value that is not too deep. */
function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) return true;
  return Object.values(value).some(hasProto);
}

/** V8's message quotes the body; only the place is told, where V8 names one. */
function placeOf(error: unknown): string {
  const { message } = error as Error;
  if (message === 'Unexpected end of JSON input') return ': it ends too early';
  const at = /at position \d+(?: \(line \d+ column \d+\))?$/.exec(message)?.[0];
  return at === undefined ? '' : `: error ${at}`;
}

function malformed(message: string): ApiError {
  return new ApiError('malformed_json', { message });
}
