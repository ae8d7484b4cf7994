import { keyOf, lost } from './session.ts';

/** What the service said no with, or that it said nothing (status 0). */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Envelope<T> {
  readonly message: string;
  readonly data: T;
  readonly next_cursor?: string | null;
}

interface Request {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The key goes with every request to this origin, and nowhere else. */
export function authorized(headers: Record<string, string> = {}): Record<string, string> {
  const key = keyOf();
  return key === null ? headers : { ...headers, authorization: `Bearer ${key}` };
}

/**
 * Asks the API of the service.
 * @throws Refusal; after a 401 the page asks for a key as well.
 */
export async function ask<T>(
  method: 'GET' | 'POST',
  path: string,
  { body, signal }: Request = {},
): Promise<Envelope<T>> {
  const asked = keyOf();
  const response = await fetch(path, {
    method,
    headers: authorized(body === undefined ? {} : { 'content-type': 'application/json' }),
    credentials: 'omit',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new Refusal(0, 'no_answer', 'The service does not answer.');
  });
  if (response.ok) return (await response.json()) as Envelope<T>;
  throw await refusalOf(response, asked);
}

/** What an answer that is no 2xx says. `asked`: the key that it was asked with. */
export async function refusalOf(response: Response, asked: string | null): Promise<Refusal> {
  const said = (await response.json().catch(() => ({}))) as Partial<{
    message: string;
    error_code: string;
  }>;
  const message = said.message ?? `The service answered ${response.status}.`;
  if (response.status === 401) lost(asked, message);
  return new Refusal(response.status, said.error_code ?? 'unknown', message);
}

/** A query of the API; what is undefined or empty is left out. */
export function query(
  path: string,
  values: Readonly<Record<string, string | number | null | undefined>>,
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}
