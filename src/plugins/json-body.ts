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

/** Parsing takes half a million levels, but what walks the value afterwards dies at 5,000. */
const MAX_DEPTH = 100;

const COMPRESSED = 'Compressed bodies are not taken: send the JSON as it is.';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

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
  if (tooDeep(bytes)) throw malformed(`The body is nested deeper than ${MAX_DEPTH} levels.`);
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text, MAY_SPELL_PROTO.test(text) ? refuseProto : undefined) as unknown;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw malformed(`The body is not valid JSON${placeOf(error)}.`);
  }
}

/** The name itself, or one of its letters escaped, which no serializer does. A reviver is slow: it runs only then. */
const MAY_SPELL_PROTO = /__proto__|\\u00(?:5f|6f|7[024])/i;

/** `__proto__` as a key has no honest use, and poisons whatever copies the object. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__')
    throw malformed('The body has a key named __proto__, which is not taken.');
  return value;
}

function tooDeep(bytes: Buffer): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = endOfString(bytes, i);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  return false;
}

/** Where a string ends that begins at `start`; past the end where it does not. Most bytes of a body are in strings. */
function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1);
  while (end !== -1 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1);
  return end === -1 ? bytes.length : end;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let backslashes = 0;
  while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
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
