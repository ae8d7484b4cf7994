import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The bytes as they came: a signature covers these, and not what a JSON parser would write again. */
  readonly rawBody: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The result in a state report may have 1 MiB. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** A server that reads a request whole and answers with JSON. */
export function createJsonServer(answer: (request: Received) => Answer): Server {
  return createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const send = ({ status, body }: Answer): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    readBody(request).then(
      (rawBody) => {
        const { method = '', url = '', headers } = request;
        if (rawBody === undefined) send({ status: 413, body: { detail: 'Too large.' } });
        else send(answer({ method, path: url.replace(/\?.*$/, ''), headers, rawBody }));
      },
      // The peer broke off: there is nobody to answer.
      () => undefined,
    );
  });
}

/** The JSON object in a body, or undefined. */
export function jsonObject(rawBody: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(rawBody.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined when it is too large; what is over the cap is read and dropped. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}
