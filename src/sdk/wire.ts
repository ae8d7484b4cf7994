import { invalidArgument } from './errors.ts';

/**
 * The base of an API, without its `/v1`: `http://h:p`, `http://h:p/` and `http://h:p/v1` are all in use
 * (contract section 5), and a path prefix is kept. The returned path ends without a slash.
 * Throws `invalid_argument`, naming `setting` and never quoting the value, which may hold a password.
 */
export function apiBase(setting: string, value: string | URL): URL {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw invalidArgument(`${setting} must be an absolute http or https URL.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalidArgument(`${setting} must be an http or https URL, not ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidArgument(
      `${setting} must not hold a user name or password; use the key for that.`,
    );
  }
  if (url.search !== '' || url.hash !== '') {
    throw invalidArgument(`${setting} must have no query and no fragment.`);
  }
  url.pathname = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return url;
}

/** `base` + `path`, where `path` starts with a slash and is encoded already. */
export function urlOf(base: URL, path: string): URL {
  return new URL(base.origin + base.pathname.replace(/\/$/, '') + path);
}

/** An id as one path segment. `.` and `..` would climb out of the path, encoded or not. */
export function pathSegment(argument: string, id: unknown): string {
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..') {
    throw invalidArgument(`${argument} must be a non-empty id.`);
  }
  try {
    return encodeURIComponent(id);
  } catch {
    throw invalidArgument(`${argument} is not well-formed Unicode.`);
  }
}

/** A credential or other header value as it is. fetch would quote a bad one in its error: checked before. */
export function headerValue(argument: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw invalidArgument(`${argument} must be printable ASCII without spaces.`);
  }
  return value;
}

/** JSON text of a plain object, or `invalid_argument`. */
export function jsonText(argument: string, value: unknown): string {
  if (!isObject(value)) throw invalidArgument(`${argument} must be an object.`);
  try {
    return JSON.stringify(value);
  } catch {
    throw invalidArgument(
      `${argument} cannot be written as JSON (circular, too deep or a BigInt).`,
    );
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The JSON value of an answer's text, else the text itself. Every string in it is rid of `secrets`, because a
 * peer may echo what it was sent.
 */
export function answerBody(text: string, secrets: readonly string[]): unknown {
  const redact = (part: string): string =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), part);
  try {
    return JSON.parse(text, (_key, value: unknown) =>
      typeof value === 'string' ? redact(value) : value,
    );
  } catch {
    return redact(text);
  }
}
