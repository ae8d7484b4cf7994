import { isDeepStrictEqual } from 'node:util';
import type { FieldError } from '../errors.ts';
import type { Agent } from '../store/store.ts';

const MAX_URL_LENGTH = 2_048;

/**
 * What a schema cannot say of a contactEndpoint: an http(s) URL without user and password.
 * A host name that does not resolve is fine, since addresses are judged when a connection is made (contract section 2).
 */
export function contactEndpointFault(value: string): string | undefined {
  if (value.length > MAX_URL_LENGTH) return `Expected at most ${MAX_URL_LENGTH} characters`;
  // The URL parser strips these silently, and what is stored becomes a request line later.
  if (/[\s\p{Cc}]/u.test(value)) return 'Expected a URL without spaces and control characters';
  if (!URL.canParse(value)) return 'Expected an absolute URL such as http://127.0.0.1:9000/tasks';
  const url = new URL(value);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'Expected an http or https URL';
  if (url.username !== '' || url.password !== '') return 'Expected a URL without user and password';
  if (url.hash !== '') return 'Expected a URL without a fragment';
  return undefined;
}

/** Lone surrogates cannot be written as UTF-8: they would come back as other text than was given. */
function illFormed(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed();
  if (Array.isArray(value)) return value.some(illFormed);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => !key.isWellFormed() || illFormed(inner));
}

/** The faults of a registration beyond its schema. */
export function registrationFaults(registration: {
  readonly contactEndpoint?: string | undefined;
  readonly [field: string]: unknown;
}): FieldError[] {
  const faults: FieldError[] = [];
  const endpoint = registration.contactEndpoint;
  const fault = endpoint === undefined ? undefined : contactEndpointFault(endpoint);
  if (fault !== undefined) faults.push({ path: '/contactEndpoint', message: fault });
  for (const [field, value] of Object.entries(registration)) {
    if (illFormed(value)) {
      faults.push({
        path: `/${field}`,
        message: 'Expected well-formed Unicode (a lone surrogate)',
      });
    }
  }
  return faults;
}

/** Whether two registrations say the same of an agent; a difference is told to Ops-Core. */
export function sameRegistration(a: Agent, b: Agent): boolean {
  return (
    a.version === b.version &&
    a.contactEndpoint === b.contactEndpoint &&
    isDeepStrictEqual(a.capabilities, b.capabilities) &&
    isDeepStrictEqual(a.metadata, b.metadata)
  );
}
