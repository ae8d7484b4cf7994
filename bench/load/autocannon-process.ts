// autocannon in a process of its own.
import { answer } from '../answering.ts';
import type { Load, LoadResult } from './load.ts';

interface Request {
  readonly method: 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly setupRequest?: (request: Request) => Request;
}

/** It brings no types; this is what is used of it. */
type Autocannon = (options: {
  readonly url: string;
  readonly connections: number;
  readonly duration: number;
  readonly requests: readonly Request[];
}) => Promise<{
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
  readonly '2xx': number;
  readonly latency: { readonly p50: number; readonly p99: number };
}>;

const NAME: string = 'autocannon';
const { default: autocannon } = (await import(NAME)) as { default: Autocannon };

async function run(load: Load): Promise<LoadResult> {
  let count = 0;
  const numbered = load.body.includes('@@');
  const requests = load.paths.map((path) => ({
    method: 'POST' as const,
    path,
    headers: { 'content-type': 'application/json' },
    body: load.body,
    ...(numbered
      ? {
          setupRequest: (request: Request) => {
            count += 1;
            return { ...request, body: load.body.replaceAll('@@', String(count)) };
          },
        }
      : {}),
  }));
  const { duration, errors, non2xx, latency, ...result } = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    requests,
  });
  return {
    requests: result['2xx'],
    seconds: duration,
    failed: errors + non2xx,
    p50: latency.p50,
    p99: latency.p99,
  };
}

answer({ run });
